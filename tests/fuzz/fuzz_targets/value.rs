//! A secret's value: any text.

#![no_main]

#[path = "../../tests/properties/oracle/value.rs"]
mod value;

libfuzzer_sys::fuzz_target!(|text: &[u8]| {
    if let Ok(text) = std::str::from_utf8(text) {
        value::check(text);
    }
});

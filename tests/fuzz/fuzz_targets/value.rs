//! A secret's value: any text.

#![no_main]

// The same judgement as the properties tests, which are no library: one file of theirs.
#[path = "../../tests/properties/oracle/value.rs"]
mod value;

libfuzzer_sys::fuzz_target!(|text: &[u8]| {
    if let Ok(text) = std::str::from_utf8(text) {
        value::check(text);
    }
});

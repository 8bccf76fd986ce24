//! What a function is invoked with: any JSON text, as the Lambda runtime reads it.

#![no_main]

// The same judgement as the properties tests, which are no library: one file of theirs.
#[path = "../../tests/properties/oracle/event.rs"]
mod event;

libfuzzer_sys::fuzz_target!(|text: &[u8]| {
    if let Ok(json) = serde_json::from_slice(text) {
        event::check(&json);
    }
});

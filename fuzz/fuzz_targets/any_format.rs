#![no_main]

libfuzzer_sys::fuzz_target!(init: modelgate_fuzz::begin(), |bytes: &[u8]| modelgate_fuzz::run(bytes));

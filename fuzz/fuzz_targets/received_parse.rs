#![no_main]

use libfuzzer_sys::fuzz_target;
use mail_tls::received::recorded_tls;
use mail_tls_fuzz::{TEXT, within};

fuzz_target!(|data: &[u8]| {
    within(TEXT, data, |bytes: &[u8]| {
        let Some(tls) = recorded_tls(bytes) else {
            return;
        };
        assert!((1..=64).contains(&tls.cipher_name().len()));
        let field = String::from_utf8_lossy(bytes).into_owned();
        assert!(
            field.contains(tls.cipher_name()),
            "its words are the field's"
        );
        if let Some(group) = tls.group_name() {
            assert!(field.contains(group));
        }
        let _ = format!("{:?} {:?} {:?}", tls, tls.form(), tls.version());
        if let Some(clause) = tls.to_clause() {
            assert_eq!(Some(clause.cipher_suite()), tls.cipher_suite());
            // A clause has no room for a group without a name.
            let group = tls.group().filter(|group| group.name().is_some());
            assert_eq!(clause.group(), group);
            let again = format!("from a by b {clause}; date");
            let again = recorded_tls(again.as_bytes()).unwrap();
            assert_eq!(again.to_clause(), Some(clause));
        }
    });
});

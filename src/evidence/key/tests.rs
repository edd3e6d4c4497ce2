//! Keys of other programs are read, every other text is refused with its reason, and nothing shows itself.

use proptest::prelude::*;

use super::file::write_new as write_new_file;
use super::*;
use crate::environment::Secret;

// Bodies alone, so that no scanner takes this file for one with a key in it.
/// Made with `openssl ecparam -name prime256v1 -genkey`.
const SEC1_BODY: &str = "MHcCAQEEIJUzjR6i5ZWwU7DCPR46i9fD1IL+04rpr7E9imm8/hCpoAoGCCqGSM49\n\
    AwEHoUQDQgAE5C9uD8D9RrhBObe5TziCiJnLufXCkFxFekB9D0rW81Tz60/AniL9\n\
    6FsUMhVuEF9ajPtSa+LO6DZ4Uv3gVrWGdQ==";
/// The same key through `openssl pkcs8 -topk8 -nocrypt`.
const PKCS8_BODY: &str = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQglTONHqLllbBTsMI9\n\
    HjqL18PUgv7TiumvsT2Kabz+EKmhRANCAATkL24PwP1GuEE5t7lPOIKImcu59cKQ\n\
    XEV6QH0PStbzVPPrT8CeIv3oWxQyFW4QX1qM+1Jr4s7oNnhS/eBWtYZ1";
/// Its public key by `openssl ec -pubout`.
const SPKI_BODY: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE5C9uD8D9RrhBObe5TziCiJnLufXC\n\
    kFxFekB9D0rW81Tz60/AniL96FsUMhVuEF9ajPtSa+LO6DZ4Uv3gVrWGdQ==";
/// Made with `openssl genpkey -algorithm ed25519`.
const ED25519_BODY: &str = "MC4CAQAwBQYDK2VwBCIEIP5AccvhGjrBggBVZxzkcLhZs8tzoqyS2OzyRfGJXzCK";
/// Its public key.
const ED25519_SPKI_BODY: &str = "MCowBQYDK2VwAyEAKb3ecfJDG9reJZzD3Lcr5Ab3yXZuSuPwIKWopKFdTec=";
const P384_SEC1_BODY: &str = "MIGkAgEBBDBIzsM1+pqq0rGzffMhyu0Ikf35zhH4Rs4aVImLMN5XJUw8Q3lagb82\n\
    gHQdaH1zmSugBwYFK4EEACKhZANiAAS+lU3/hnzZDOq7fIBqkOtOpOylSKDo8wi6\n\
    tVw2ATJtJMUGYrSWua10HVSYvSfWsAK2KCnYUNgAK9mU/wE0uXU1/f/ek5i34STx\n\
    UubDSmABrw6mjQFjW98VVZsDddBQpN0=";
const P384_PKCS8_BODY: &str = "MIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDDH+TA+jStExvIrRRSu\n\
    93a7mwVcOloSiaUI97xIdYZWhfmUVT8U7YG/jtWuJ471WHahZANiAATQaHX79I3G\n\
    4FRvqbYin12EkwAUTY2fdBOtLPuMOr8oTxhfca6kHGK2SBreoJBmJJhit+XAKw2c\n\
    DdaCPao+UnoAOMv4/nP42sscKT0WzJF4y5l/IgesjpBhg9pduWIopTg=";
const P384_SPKI_BODY: &str = "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAENlzoHyV2q1OxVZVhx51fWsZ/SAIip8cA\n\
    L5mTjAbH22LIPyrIMIbA13cFUaKUUHD7J46dr3x+mzHQS7T3IV4qAT8kRzSdzGHb\n\
    URNJMTd8kMYF3SzB4Pe6omOJgBtS8/nr";

/// The key above through `openssl pkcs8 -topk8 -passout pass:pass-of-pkcs8`, with `-v2 aes-256-cbc -iter 1000` …
const PBKDF2_BODY: &str = "MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAiO+W+u/XwwTQICA+gw\n\
    DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEDecCzOzgXht2G3HQ6SGsOgEgZCx\n\
    iIfNS7QcICsIWR8hKMfYa5+8ZQum49wGVINT3kFKgq7J6Nf+helpGLmbVPRwFRyY\n\
    AbhDvdjCKy4O032WGZlq6dV8Kb/Zg3bfhS865wkfyBUCHIF1OhKmOzQh1gA/T229\n\
    HTYC310NXz1XA72a3AOGnA1qWpoU9Yc9melerLQRU5ikwo9Wf+vbXb/1HTBEYu4=";
/// … with `-scrypt -scrypt_N 16` …
const SCRYPT_BODY: &str = "MIHjME4GCSqGSIb3DQEFDTBBMCAGCSsGAQQB2kcECzATBAj5j/9vgiXrjQIBEAIB\n\
    CAIBATAdBglghkgBZQMEASoEEIWeKnJEnfM6FFGZjQ8DRlIEgZAwVMvfd0LTObZb\n\
    ocK4qzWiBig4zLRyb5qP5tgeKDj+OqN3Iv+0K1CKYQxnMwtp4fMrkb+QidJoQn7C\n\
    iS0k0Oi/SmEGRJp+pzKyOlbAXlPayIASB6517O7hDDojVJLxXW7zRPhJrHU+0WRT\n\
    dPr/3rZ6giKnvVJzzm45tFbLxZSHAmX21avRVdZX+bic/0MNMGw=";
/// … with `-v2prf hmacWithSHA1` …
const SHA1_BODY: &str = "MIHeMEkGCSqGSIb3DQEFDTA8MBsGCSqGSIb3DQEFDDAOBAgrdpFFUreu7AICA+gw\n\
    HQYJYIZIAWUDBAEqBBAU4hjaxzQZ/xnPOZ7kf723BIGQ0wbhLYLQxLq6PpQmUqbg\n\
    bg4uzV/mR3l2GpFZbZbQMF2Ul9H6Sfa+OBDMFP3l8cGvdE4+4uBsOmAJWVPei31D\n\
    E/q39dw8eqvCY1Vh/p23RnfRi+qXK8qnMpAafUQ1tVbCN39Mb2mdjoy4IVF/qfrp\n\
    hY/3gNnaaLE6JXbZ41Xnx4wYiCQkcAhzKLSj4kmy+hlt";
/// … with `-v1 PBE-SHA1-3DES` …
const PBES1_BODY: &str = "MIGxMBwGCiqGSIb3DQEMAQMwDgQIN02Ul8WgWMwCAggABIGQoIjNlzQ1WxFf4MJA\n\
    LSjdMssYlHHUulQD/mnf2w4qrtfrRa//IwJOwengilRxMZnwZ2FdjOvo38+36dYF\n\
    CkIDMvyOwaJREmNeE2+cg0Fz5emk1OLveUA4P/V0wIqDijO0dFW+lrpHRBene/n/\n\
    JmxRfv2XORw7vH+3ZhCsRJ6ZCNd3tvJg3p98HzP2eCf5pu7H";
/// … and with `-iter 20000000`.
const COSTLY_BODY: &str = "MIHuMFkGCSqGSIb3DQEFDTBMMCsGCSqGSIb3DQEFDDAeBAiaI7GI8/ZWmgIEATEt\n\
    ADAMBggqhkiG9w0CCQUAMB0GCWCGSAFlAwQBKgQQfnxgbBFTOkf9CfTAebhRSgSB\n\
    kK4xe5BIh9V0VHhZ1QFxZPbA9HAAjIlsE1c5VtjhMIPrmCz/GLKh3/m8plzuirUO\n\
    JY92kHdiDSxmj0r3Y8lFJNHkucV3qn2b09H2RRQon9zY0XbOW+KzxdptfwIRJjED\n\
    AC4qYRQBDZjqojwWGqQQt0hQrqXe4ZVZ7C1Pvo7QbBUAmDwnd9KjV1vxMDjpZjEg\n\
    7A==";

/// Made with `COSIGN_PASSWORD=pass-of-cosign cosign generate-key-pair`, cosign 3.1.1.
const COSIGN_BODY: &str = "eyJrZGYiOnsibmFtZSI6InNjcnlwdCIsInBhcmFtcyI6eyJOIjo2NTUzNiwiciI6\n\
    OCwicCI6MX0sInNhbHQiOiJkcnUyMmJEK1k4TjA3eVNCY1VCQ3BvTm5DZmZIREVK\n\
    SEhHMURyL1hYbnM0PSJ9LCJjaXBoZXIiOnsibmFtZSI6Im5hY2wvc2VjcmV0Ym94\n\
    Iiwibm9uY2UiOiJ4QkxRMmVBa2hyNHllTGhBbXpqNy9ab3RKM3pvWlhrSiJ9LCJj\n\
    aXBoZXJ0ZXh0IjoiQy85Y2JDK3d1akpvSjRiWFdyc1llTldVWUkxL1RaN2lXNERm\n\
    S0EwRDhRSzlIUGJhYU5jUUlPeEtabGRSWFI4QVpzWkx6ZEM2UHBRc3lVbW9yaDVI\n\
    Sk50R0t4Qi9XVXBnaVFyMlE4M2ZJWUpxdUJOQ3FGTVoyblNxYnlrZjNPYjRGbjlW\n\
    ZUdKNjZBN2xDeHNML1FKU1oxZWxyZTRGN0N0MUxvdzNYUHc2cUJ6TEdnOW9VWlV4\n\
    UThhc0Via3htb2M4bFBPeEhlRXRZU0xEZ2c9PSJ9";
/// The public key that cosign wrote beside it.
const COSIGN_SPKI_BODY: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEclf1aEnGFHhMT7ybxU5CTsrwQfrx\n\
    BecmCrkCwdpU3ANVoVZ6JYwlJgpteeT7Ff6zItQwgr1qbOMj7AamFuODMA==";

fn opened(text: &str) -> Result<SigningKey, KeyError> {
    SigningKey::from_pem_text(text, &KeyAccess::default())
}

/// With a passphrase for every key, and one for cosign's.
fn access(own: Option<&str>, cosign: Option<&str>) -> KeyAccess {
    let secret = |text: &str| Secret::new(text.to_owned());
    KeyAccess { passphrase: own.map(secret), cosign_passphrase: cosign.map(secret), secrets: Vec::new() }
}

#[track_caller]
fn refused(text: &str, access: &KeyAccess) -> KeyFormatError {
    match SigningKey::from_pem_text(text, access) {
        Err(KeyError::NotAKey { reason, .. }) => reason,
        other => panic!("{other:?}"),
    }
}

fn pem(label: &str, body: &str) -> String {
    format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
}

/// As OpenSSL writes it: the curve's parameters come first.
fn sec1() -> String {
    pem("EC PARAMETERS", "BggqhkjOPQMBBw==") + &pem("EC PRIVATE KEY", SEC1_BODY)
}

fn pkcs8() -> String {
    pem("PRIVATE KEY", PKCS8_BODY)
}

fn spki() -> String {
    pem(SPKI_LABEL, SPKI_BODY)
}

#[test]
fn both_encodings_of_openssl_are_the_same_key() {
    let key = opened(&sec1()).unwrap();
    assert_eq!(key.to_pem().unwrap().as_str(), pkcs8());
    assert_eq!(key.public_key().to_pem().unwrap(), spki());
    assert_eq!(key.public_key(), PublicKey::from_pem_text(&spki()).unwrap());
    for text in [pkcs8(), pkcs8().replace('\n', "\r\n"), format!("# who made it\n{}\n\n", pkcs8())] {
        assert_eq!(opened(&text).unwrap().to_pem().unwrap().as_str(), pkcs8());
    }
}

#[test]
fn the_hint_is_what_cosign_computes() {
    // openssl ec -pubin -outform der | openssl dgst -sha256 -binary | base64
    assert_eq!(
        PublicKey::from_pem_text(&spki()).unwrap().hint().unwrap(),
        "942FJQV0ErVRwou8FglIjq/t7cmL8FSqutRq/D7dycU="
    );
}

#[test]
fn a_signature_holds_for_its_message_and_key_alone() {
    let (key, other) = (opened(&sec1()).unwrap(), SigningKey::generate().unwrap());
    let signature = key.sign(b"message").unwrap();
    assert_eq!(signature, key.sign(b"message").unwrap());
    assert!(key.public_key().verifies(b"message", &signature));
    assert!(!key.public_key().verifies(b"massage", &signature));
    assert!(!other.public_key().verifies(b"message", &signature));
    assert!(!key.public_key().verifies(b"message", b""));
}

#[test]
fn every_other_text_is_refused_with_its_reason() {
    let damaged = pkcs8().replacen("MIG", "MIH", 1);
    for (text, reason) in [
        ("", KeyFormatError::NoPrivateKey),
        ("-----BEGIN PRIVATE KEY-----", KeyFormatError::Damaged),
        ("-----BEGIN OPENSSH PRIVATE KEY-----", KeyFormatError::NoPrivateKey),
        ("-----BEGIN RSA PRIVATE KEY-----", KeyFormatError::OtherAlgorithm("RSA".to_owned())),
        (spki().as_str(), KeyFormatError::PublicInsteadOfPrivate),
        (damaged.as_str(), KeyFormatError::Damaged),
        (&pem("EC PRIVATE KEY", P384_SEC1_BODY), KeyFormatError::OtherAlgorithm("ECDSA P-384".to_owned())),
        (&pem("PRIVATE KEY", P384_PKCS8_BODY), KeyFormatError::OtherAlgorithm("ECDSA P-384".to_owned())),
    ] {
        let KeyError::NotAKey { reason: found, .. } = opened(text).unwrap_err() else { panic!("{text}") };
        assert_eq!(found, reason, "{text}");
    }
    for (text, reason) in [
        ("", KeyFormatError::NoPublicKey),
        (pkcs8().as_str(), KeyFormatError::PrivateInsteadOfPublic),
        (sec1().as_str(), KeyFormatError::PrivateInsteadOfPublic),
        (&spki().replacen("MFk", "MFl", 1), KeyFormatError::Damaged),
        (&pem(SPKI_LABEL, P384_SPKI_BODY), KeyFormatError::OtherAlgorithm("ECDSA P-384".to_owned())),
        // The point of order one: any message would have a signature.
        (&pem(SPKI_LABEL, "MCowBQYDK2VwAyEAAQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="), KeyFormatError::Damaged),
    ] {
        let KeyError::NotAKey { reason: found, .. } = PublicKey::from_pem_text(text).unwrap_err() else {
            panic!("{text}")
        };
        assert_eq!(found, reason, "{text}");
    }
}

#[test]
fn a_key_never_shows_itself() {
    let key = opened(&pkcs8()).unwrap();
    assert_eq!(format!("{key:?}"), "SigningKey(***)");
    // A line of the key in a text that is refused: neither form of the error repeats it.
    let secret = PKCS8_BODY.lines().next().unwrap();
    let error = opened(&pkcs8().replacen("MIG", "MIH", 1)).unwrap_err();
    for shown in [error.to_string(), format!("{error:?}")] {
        assert!(!shown.contains(&secret[8..40]), "{shown}");
    }
}

#[test]
fn a_new_key_is_private_and_never_overwrites() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("key.pem");
    let key = SigningKey::generate().unwrap();
    let public = key.write_new(&path).unwrap();
    assert_eq!(public, directory.path().join("key.pem.pub"));
    assert_eq!(SigningKey::load(&path).unwrap().public_key(), key.public_key());
    assert_eq!(PublicKey::load_pem(&public).unwrap(), key.public_key());

    let before = std::fs::read(&path).unwrap();
    let other = SigningKey::generate().unwrap();
    assert!(matches!(other.write_new(&path), Err(KeyError::Exists(there)) if there == public));
    std::fs::remove_file(&public).unwrap();
    assert!(matches!(other.write_new(&path), Err(KeyError::Exists(there)) if there == path));
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert!(!public.exists());
    let nowhere = directory.path().join("nowhere/key.pem");
    assert!(other.write_new(&nowhere).unwrap_err().to_string().contains("nowhere/key.pem"));
}

#[cfg(unix)]
#[test]
fn a_key_that_others_may_read_is_refused_with_the_mend() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("key.pem");
    SigningKey::generate().unwrap().write_new(&path).unwrap();
    for mode in [0o644, 0o640, 0o604, 0o660, 0o601] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let error = SigningKey::load(&path).unwrap_err().to_string();
        let mend = format!("chmod 600 {}", path.display());
        assert!(error.contains(&mend) && error.contains(&format!("{mode:04o}")), "{error}");
    }
    for mode in [0o600, 0o400] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        assert!(SigningKey::load(&path).is_ok());
    }
}

#[test]
fn what_is_no_key_file_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    assert!(matches!(SigningKey::load(directory.path()), Err(KeyError::NotAFile(_))));
    let missing = SigningKey::load(&directory.path().join("missing.pem")).unwrap_err().to_string();
    assert!(missing.contains("missing.pem"), "{missing}");
    let large = directory.path().join("large.pem");
    write_new_file(&large, &vec![b'a'; 20_000]).unwrap();
    assert!(matches!(SigningKey::load(&large), Err(KeyError::TooLarge(_))));
    let binary = directory.path().join("binary.pem");
    write_new_file(&binary, b"\xff\xfe").unwrap();
    assert!(SigningKey::load(&binary).unwrap_err().to_string().contains("PEM block `PRIVATE KEY`"));
    assert!(PublicKey::load_pem(&binary).unwrap_err().to_string().contains("binary.pem"));
}

#[test]
fn an_ed25519_key_of_openssl_signs_as_rfc_8032_says() {
    let key = opened(&pem("PRIVATE KEY", ED25519_BODY)).unwrap();
    let public = PublicKey::from_pem_text(&pem(SPKI_LABEL, ED25519_SPKI_BODY)).unwrap();
    assert_eq!(key.public_key(), public);
    assert_eq!(public.algorithm(), KeyAlgorithm::Ed25519);
    assert_eq!(public.to_pem().unwrap(), pem(SPKI_LABEL, ED25519_SPKI_BODY));
    let signature = key.sign(b"message").unwrap();
    assert_eq!((signature.len(), &signature), (64, &key.sign(b"message").unwrap()));
    assert!(public.verifies(b"message", &signature) && !public.verifies(b"massage", &signature));
    // One algorithm's signature is never taken for the other's.
    let other = SigningKey::generate().unwrap();
    assert!(!public.verifies(b"message", &other.sign(b"message").unwrap()));
    assert!(!other.public_key().verifies(b"message", &signature));
    // What this writes is read again, by this and by the test with OpenSSL.
    let made = SigningKey::generate_for(KeyAlgorithm::Ed25519).unwrap();
    assert_eq!(opened(&made.to_pem().unwrap()).unwrap().public_key(), made.public_key());
}

#[test]
fn an_encrypted_key_of_openssl_is_the_key_that_was_encrypted() {
    for body in [PBKDF2_BODY, SCRYPT_BODY] {
        let text = pem("ENCRYPTED PRIVATE KEY", body);
        let key = SigningKey::from_pem_text(&text, &access(Some("pass-of-pkcs8"), None)).unwrap();
        assert_eq!(key.to_pem().unwrap().as_str(), pkcs8());
        assert_eq!(refused(&text, &access(None, Some("pass-of-pkcs8"))), KeyFormatError::PassphraseMissing);
        let wrong = KeyFormatError::WrongPassphrase("MODELGATE_KEY_PASSWORD");
        // One in 256 wrong passphrases leaves an end that looks right.
        for attempt in 0..600 {
            let passphrase = format!("wrong-{attempt}");
            assert_eq!(refused(&text, &access(Some(&passphrase), None)), wrong);
            if body == PBKDF2_BODY && attempt == 300 {
                break;
            }
        }
    }
}

#[test]
fn encryption_that_is_broken_costly_or_damaged_is_refused_and_named() {
    let access = access(Some("pass-of-pkcs8"), None);
    let encrypted = |body: &str| refused(&pem("ENCRYPTED PRIVATE KEY", body), &access);
    assert!(matches!(encrypted(SHA1_BODY), KeyFormatError::UnsupportedEncryption(_)));
    assert!(matches!(encrypted(PBES1_BODY), KeyFormatError::UnsupportedEncryption(_)));
    let costly = encrypted(COSTLY_BODY);
    assert_eq!(costly, KeyFormatError::TooCostly("20000000 rounds of PBKDF2".to_owned()));
    assert!(costly.to_string().contains("openssl pkcs8 -topk8"), "{costly}");
    assert_eq!(encrypted(&PBKDF2_BODY.replacen("MIH", "MIG", 1)), KeyFormatError::Damaged);
    assert_eq!(encrypted("MAA="), KeyFormatError::UnsupportedEncryption("a scheme that is not known here"));
}

#[test]
fn a_key_of_cosigns_is_opened_by_either_variable() {
    for label in ["ENCRYPTED SIGSTORE PRIVATE KEY", "ENCRYPTED COSIGN PRIVATE KEY"] {
        let text = pem(label, COSIGN_BODY);
        let public = PublicKey::from_pem_text(&pem(SPKI_LABEL, COSIGN_SPKI_BODY)).unwrap();
        for access in [access(None, Some("pass-of-cosign")), access(Some("pass-of-cosign"), Some("other"))] {
            assert_eq!(SigningKey::from_pem_text(&text, &access).unwrap().public_key(), public);
        }
        let wrong = refused(&text, &access(None, Some("")));
        assert_eq!(wrong, KeyFormatError::WrongPassphrase("COSIGN_PASSWORD"));
        assert_eq!(refused(&text, &KeyAccess::default()), KeyFormatError::CosignPassphraseMissing);
    }
}

/// A document of cosign's around `plaintext`, under an empty passphrase.
fn cosign_document(plaintext: &[u8], n: u64, r: u64, p: u64) -> String {
    use crypto_secretbox::aead::{Aead as _, KeyInit as _};
    let mut derived = [0; 32];
    if let Ok(cost) = cosign::check_scrypt(n, r, p) {
        scrypt::scrypt(b"", b"salt", &cost, &mut derived).unwrap();
    }
    let cipher = crypto_secretbox::XSalsa20Poly1305::new(crypto_secretbox::Key::from_slice(&derived));
    let ciphertext = cipher.encrypt(&crypto_secretbox::Nonce::from([7; 24]), plaintext).unwrap();
    let document = serde_json::json!({
        "kdf": {"name": "scrypt", "params": {"N": n, "r": r, "p": p}, "salt": STANDARD.encode(b"salt")},
        "cipher": {"name": "nacl/secretbox", "nonce": STANDARD.encode([7; 24])},
        "ciphertext": STANDARD.encode(ciphertext),
    });
    document.to_string()
}

fn open_cosign(document: &str) -> Result<PublicKey, KeyFormatError> {
    cosign::open(document.as_bytes(), &access(None, Some(""))).map(|key| SigningKey(key).public_key())
}

#[test]
fn a_document_of_cosigns_is_bounded_and_strict() {
    let (_, der) = pem::decode_vec(pkcs8().as_bytes()).unwrap();
    let sound = cosign_document(&der, 2, 8, 1);
    assert_eq!(open_cosign(&sound), Ok(PublicKey::from_pem_text(&spki()).unwrap()));
    for (n, r, p) in [(1 << 21, 8, 1), (1 << 20, 9, 1), (1 << 20, 8, 5), (u64::MAX, u64::MAX, u64::MAX)] {
        assert!(
            matches!(open_cosign(&cosign_document(&der, n, r, p)), Err(KeyFormatError::TooCostly(_))),
            "{n} {r} {p}"
        );
    }
    for (n, r, p) in [(0, 8, 1), (1, 8, 1), (3, 8, 1), (2, 0, 1), (2, 8, 0)] {
        assert_eq!(open_cosign(&cosign_document(&der, n, r, p)), Err(KeyFormatError::Damaged), "{n} {r} {p}");
    }
    let (_, other) = pem::decode_vec(pem("PRIVATE KEY", P384_PKCS8_BODY).as_bytes()).unwrap();
    let other = open_cosign(&cosign_document(&other, 2, 8, 1));
    assert_eq!(other, Err(KeyFormatError::OtherAlgorithm("ECDSA P-384".to_owned())));
    for (from, to) in [(r#""name":"scrypt""#, r#""name":"pbkdf2""#), ("nacl/secretbox", "aes")] {
        let changed = sound.replacen(from, to, 1);
        assert_ne!(changed, sound);
        assert!(matches!(open_cosign(&changed), Err(KeyFormatError::UnsupportedEncryption(_))));
    }
    for changed in [sound.replacen('{', r#"{"extra":1,"#, 1), sound.replacen("\"r\":8", "\"r\":-8", 1), String::new()] {
        assert_eq!(open_cosign(&changed), Err(KeyFormatError::Damaged), "{changed}");
    }
}

#[test]
fn a_key_that_is_encrypted_here_is_opened_again_and_only_so() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("key.pem");
    let key = SigningKey::generate().unwrap();
    assert!(matches!(key.write_new_encrypted(&path, &KeyAccess::default()), Err(KeyError::NoPassphrase)));
    assert!(!path.exists());
    key.write_new_encrypted(&path, &access(Some("correct horse"), None)).unwrap();
    assert!(std::fs::read_to_string(&path).unwrap().starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));
    let read = SigningKey::open(&path, &access(Some("correct horse"), None)).unwrap();
    assert_eq!(read.public_key(), key.public_key());
    let error = SigningKey::load(&path).unwrap_err().to_string();
    assert!(error.contains("MODELGATE_KEY_PASSWORD") && error.contains("key.pem"), "{error}");
}

proptest! {
    #[test]
    fn no_bytes_make_the_readers_of_keys_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let access = access(Some("x"), Some("x"));
        let _ = cosign::open(&bytes, &access);
        let _ = encrypted::open(&bytes, &access);
        let _ = private::of_pkcs8(&bytes);
        let text = String::from_utf8_lossy(&bytes);
        for label in ["PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "ENCRYPTED COSIGN PRIVATE KEY"] {
            let _ = SigningKey::from_pem_text(&pem(label, &text), &access);
            let _ = SigningKey::from_pem_text(&pem(label, &STANDARD.encode(&bytes)), &access);
        }
        let _ = PublicKey::from_pem_text(&pem(SPKI_LABEL, &text));
        let _ = PublicKey::from_pem_text(&pem(SPKI_LABEL, &STANDARD.encode(&bytes)));
    }

    #[test]
    fn a_changed_document_of_cosigns_gives_an_error_or_the_same_key(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let (_, der) = pem::decode_vec(pkcs8().as_bytes()).unwrap();
        let mut document = cosign_document(&der, 2, 8, 1).into_bytes();
        let at = at.index(document.len());
        // A digit more in the cost would be a second's work, thousands of times.
        prop_assume!(!byte.is_ascii_digit());
        document[at] = byte;
        if let Ok(key) = cosign::open(&document, &access(None, Some(""))) {
            prop_assert_eq!(SigningKey(key).public_key(), PublicKey::from_pem_text(&spki()).unwrap());
        }
    }
}

#[cfg(unix)]
mod programs {
    use std::os::unix::fs::PermissionsExt as _;
    use std::time::{Duration, Instant};

    use super::*;

    /// The error of a program with this text, which is asked for the key that its path makes of it.
    fn answer_of(script: &str, time: Duration, secrets: &[&str]) -> Result<Plugin, PluginError> {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("sigstore-kms-stub");
        std::fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o700)).unwrap();
        let secrets = secrets.iter().map(|text| Secret::new((*text).to_owned())).collect();
        let access = KeyAccess { secrets, ..KeyAccess::default() };
        loop {
            match Plugin::open_as(file.to_str().unwrap(), "stub://key", &access, time) {
                // A child of another test, between its beginning and its program, still has the file open.
                Err(PluginError::NotRun { source, .. }) if source.kind() == std::io::ErrorKind::ExecutableFileBusy => {}
                answer => return answer,
            }
        }
    }

    fn error_of(script: &str) -> String {
        answer_of(script, Duration::from_secs(20), &["hunter2"]).err().unwrap().to_string()
    }

    #[test]
    fn a_program_that_does_not_answer_as_it_should_is_an_error_that_says_so() {
        for (script, says) in [
            ("exit 0", "no answer of the protocol"),
            ("echo '[1'", "no answer of the protocol"),
            ("echo '{}'", "it has no `publicKey`"),
            (r#"echo '{"publicKey":{"publicKeyPEM":"!"}}'"#, "not base64"),
            (r#"echo '{"publicKey":{"publicKeyPEM":"eA=="}}'"#, "has no PEM block"),
            ("head -c 70000 /dev/zero", "over 65536 bytes"),
            (r#"printf '%s' '{"errorMessage":"PIN hunter2 is\nlocked"}'; exit 7"#, "says: PIN *** is locked"),
        ] {
            let error = error_of(script);
            assert!(error.contains(says) && !error.contains("hunter2"), "`{says}` is not in: {error}");
        }
        let missing = Plugin::open("nobody-has-this://key", &KeyAccess::default()).err().unwrap();
        assert!(matches!(missing, PluginError::Missing { .. }), "{missing}");
    }

    #[test]
    fn a_program_that_never_ends_is_ended() {
        let began = Instant::now();
        for script in ["exec sleep 30", "exec 1>&-; exec sleep 30", "exec cat /dev/zero > /dev/null"] {
            let ended = answer_of(script, Duration::from_millis(300), &[]).err().unwrap();
            assert!(matches!(ended, PluginError::TimedOut { .. }), "{script}: {ended}");
        }
        assert!(began.elapsed() < Duration::from_secs(15));
    }

    #[test]
    fn what_a_program_started_ends_with_it() {
        use std::io::IsTerminal as _;
        if std::io::stdin().is_terminal() {
            return;
        }
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("pid");
        let script = format!("sleep 60 > /dev/null & echo $! > {}; wait", file.display());
        let ended = answer_of(&script, Duration::from_millis(500), &[]).err().unwrap();
        assert!(matches!(ended, PluginError::TimedOut { .. }), "{ended}");
        let pid: i32 = std::fs::read_to_string(&file).unwrap().trim().parse().unwrap();
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        let is_gone = || {
            // Nobody may have waited for it yet.
            let status = std::fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero()));
            rustix::process::test_kill_process(pid).is_err() || status.is_ok_and(|status| status.contains("State:\tZ"))
        };
        assert!((0..50).any(|_| {
            std::thread::sleep(Duration::from_millis(100));
            is_gone()
        }));
    }

    #[test]
    fn only_a_scheme_makes_a_reference() {
        for reference in ["awskms://alias/x", "a+b-c.1://", "hashivault://key"] {
            assert!(Plugin::is_reference(reference), "{reference}");
        }
        for path in ["key.pem", "C:\\key.pem", "://x", "../x://y", "A://x", "1a://x", "a b://x", "k/x://y"] {
            assert!(!Plugin::is_reference(path), "{path}");
        }
    }
}

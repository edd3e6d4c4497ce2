use chrono::Datelike as _;
use proptest::prelude::*;

use super::*;

/// What the responses in `tests/interop/timestamps` are about. They were made by `tests/interop/timestamp_authority.py`.
const MESSAGE: &[u8] = b"a signature";

macro_rules! stored {
    ($name:literal) => {
        include_bytes!(concat!("../../../tests/interop/timestamps/", $name))
    };
}

const RSA: (&[u8], &[u8]) = (stored!("rsa.tsr"), stored!("rsa.pem"));
const P256: (&[u8], &[u8]) = (stored!("p256.tsr"), stored!("p256.pem"));
const P384: (&[u8], &[u8]) = (stored!("p384.tsr"), stored!("p384.pem"));

fn verify(response: &[u8], pem: &[u8]) -> Result<DateTime<Utc>, TokenError> {
    Authorities::from_pem(pem).unwrap().verify(response, MESSAGE, None)
}

#[test]
fn openssls_responses_verify_with_their_own_authority_alone() {
    for (response, pem) in [RSA, P256, P384] {
        assert_eq!(verify(response, pem).unwrap().year(), 2026);
        let other = Authorities::from_pem(pem).unwrap().verify(response, b"another signature", None);
        assert_eq!(other, Err(TokenError::OtherMessage));
    }
    assert!(matches!(verify(RSA.0, P256.1), Err(TokenError::Untrusted(_))));
    assert!(matches!(verify(P256.0, P384.1), Err(TokenError::Untrusted(_))));
    let both = [P256.1, RSA.1].concat();
    assert!(verify(RSA.0, &both).is_ok() && verify(P256.0, &both).is_ok());
}

#[test]
fn an_answer_to_another_request_is_refused() {
    let authorities = Authorities::from_pem(P256.1).unwrap();
    assert_eq!(authorities.verify(P256.0, MESSAGE, Some(&[1; 8])), Err(TokenError::Nonce));
}

#[test]
fn a_refusal_is_said() {
    // SEQUENCE { SEQUENCE { INTEGER 2 } }
    let rejection = [0x30, 0x05, 0x30, 0x03, 0x02, 0x01, 0x02];
    assert_eq!(verify(&rejection, P256.1), Err(TokenError::Status("[2]".to_owned())));
}

#[test]
fn no_changed_byte_proves_another_time() {
    for (response, pem) in [RSA, P256, P384] {
        let authorities = Authorities::from_pem(pem).unwrap();
        let expected = authorities.verify(response, MESSAGE, None).unwrap();
        let mut refused = 0;
        for index in 0..response.len() {
            let mut changed = response.to_vec();
            changed[index] ^= 1 << (index % 8);
            match authorities.verify(&changed, MESSAGE, None) {
                Ok(time) => assert_eq!(time, expected, "byte {index}"),
                Err(_) => refused += 1,
            }
            assert!(authorities.verify(&response[..index], MESSAGE, None).is_err());
        }
        // Versions, the name of the signer and the authority's certificate, which is at hand, decide nothing.
        assert!(refused * 10 > response.len() * 6, "{refused} of {}", response.len());
    }
}

#[test]
fn a_request_is_what_openssl_reads() {
    // openssl ts -query -digest <SHA-256 of "a signature"> -sha256 -cert, with this nonce.
    let request = request(MESSAGE, &[0x40, 2, 3, 4, 5, 6, 7, 8]);
    let digest = Sha256Digest::of(MESSAGE);
    let mut expected = vec![0x30, 0x41, 0x02, 0x01, 0x01, 0x30, 0x2f];
    expected.extend_from_slice(SHA256);
    expected.extend_from_slice(&[0x04, 0x20]);
    expected.extend_from_slice(digest.as_bytes());
    expected.extend_from_slice(&[0x02, 0x08, 0x40, 2, 3, 4, 5, 6, 7, 8, 0x01, 0x01, 0xff]);
    assert_eq!(request, expected);
}

#[test]
fn what_is_no_certificate_is_refused() {
    for text in [&b""[..], b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", RSA.0] {
        assert!(Authorities::from_pem(text).is_err());
    }
    assert!(Authorities::from_pem(&P256.1.repeat(17)).is_err());
}

#[test]
fn an_address_is_plain_http_or_https_without_a_password() {
    let authorities = Authorities::from_pem(P256.1).unwrap();
    for (url, holds) in [
        ("http://timestamp.example.org/tsr", true),
        ("https://timestamp.example.org:8443", true),
        ("ftp://timestamp.example.org", false),
        ("https://ann:secret@timestamp.example.org", false),
        ("timestamp.example.org", false),
    ] {
        let service = Service::new(url, authorities.clone());
        assert_eq!(service.is_ok(), holds, "{url}");
        assert!(service.err().is_none_or(|error| !error.to_string().contains("secret")));
    }
}

proptest! {
    #[test]
    fn any_bytes_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(verify(&bytes, P256.1).is_err());
    }

    #[test]
    fn any_damage_is_refused_or_changes_nothing(
        at in 0_usize..1400, length in 0_usize..40, with in proptest::collection::vec(any::<u8>(), 0..40)
    ) {
        let mut changed = P256.0.to_vec();
        let end = (at + length).min(changed.len());
        changed.splice(at.min(end)..end, with);
        if let Ok(time) = verify(&changed, P256.1) {
            prop_assert_eq!(time, verify(P256.0, P256.1).unwrap());
        }
    }
}

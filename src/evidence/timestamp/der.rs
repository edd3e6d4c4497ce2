//! Distinguished Encoding Rules (ITU-T X.690), as much as a time-stamp needs: elements of definite, shortest length.

/// Tags, with the bit for what is constructed.
pub(super) mod tag {
    pub(crate) const BOOLEAN: u8 = 0x01;
    pub(crate) const INTEGER: u8 = 0x02;
    pub(crate) const OCTET_STRING: u8 = 0x04;
    pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
    pub(crate) const GENERALIZED_TIME: u8 = 0x18;
    pub(crate) const SEQUENCE: u8 = 0x30;
    pub(crate) const SET: u8 = 0x31;
    /// `[0]`, constructed.
    pub(crate) const CONTEXT_0: u8 = 0xa0;
}

/// Not the encoding that was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

/// An element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Element<'a> {
    pub(super) tag: u8,
    pub(super) content: &'a [u8],
    /// Tag, length and content.
    pub(super) whole: &'a [u8],
}

/// Elements after each other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next element, whatever it is.
    pub(super) fn any(&mut self) -> Result<Element<'a>, Malformed> {
        let [tag, first, rest @ ..] = self.0 else { return Err(Malformed) };
        // Tags of more than one byte are used by nothing here.
        if tag & 0x1f == 0x1f {
            return Err(Malformed);
        }
        let (length, rest) = if *first < 0x80 {
            (usize::from(*first), rest)
        } else {
            let count = usize::from(first & 0x7f);
            let (digits, rest) = rest.split_at_checked(count).ok_or(Malformed)?;
            // Indefinite, or so long that nothing of it could be here, or not the shortest form.
            if !(1..=3).contains(&count) || digits.first() == Some(&0) {
                return Err(Malformed);
            }
            let length = digits.iter().fold(0_usize, |length, digit| (length << 8) | usize::from(*digit));
            if length < 0x80 {
                return Err(Malformed);
            }
            (length, rest)
        };
        let (content, after) = rest.split_at_checked(length).ok_or(Malformed)?;
        let whole = self.0.get(..self.0.len() - after.len()).ok_or(Malformed)?;
        self.0 = after;
        Ok(Element { tag: *tag, content, whole })
    }

    /// The next element, which has to have this tag.
    pub(super) fn one(&mut self, tag: u8) -> Result<Element<'a>, Malformed> {
        let element = self.any()?;
        if element.tag == tag { Ok(element) } else { Err(Malformed) }
    }

    /// The next element if it has this tag.
    pub(super) fn optional(&mut self, tag: u8) -> Result<Option<Element<'a>>, Malformed> {
        if self.0.first() == Some(&tag) { self.any().map(Some) } else { Ok(None) }
    }

    /// Within the next element, which has to have this tag.
    pub(super) fn within(&mut self, tag: u8) -> Result<Self, Malformed> {
        Ok(Self(self.one(tag)?.content))
    }
}

/// The one element that `bytes` are, with nothing behind it.
pub(super) fn only(bytes: &[u8], tag: u8) -> Result<Reader<'_>, Malformed> {
    let mut reader = Reader(bytes);
    let within = reader.within(tag)?;
    if reader.is_empty() { Ok(within) } else { Err(Malformed) }
}

/// Writes an element. Content is of at most 127 bytes: requests have no longer ones.
pub(super) fn element(tag: u8, content: &[&[u8]]) -> Vec<u8> {
    let content = content.concat();
    let length = u8::try_from(content.len()).unwrap_or(u8::MAX).min(0x7f);
    let mut bytes = vec![tag, length];
    bytes.extend(content.into_iter().take(usize::from(length)));
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_the_shortest_definite_form_is_read() {
        assert_eq!(Reader::new(&[0x04, 0x01, 0xaa, 0xbb]).any().unwrap().content, [0xaa]);
        let mut long = vec![0x04, 0x81, 0x80];
        long.extend([7; 0x80]);
        assert_eq!(Reader::new(&long).any().unwrap().content, [7; 0x80]);
        for bad in [
            &[][..],
            &[0x04],
            &[0x04, 0x02, 0xaa],
            // Indefinite; a length that the short form has; a leading zero; a tag of two bytes.
            &[0x30, 0x80, 0x00, 0x00],
            &[0x04, 0x81, 0x01, 0xaa],
            &[0x04, 0x82, 0x00, 0x80],
            &[0x1f, 0x22, 0x00],
            &[0x04, 0x84, 0xff, 0xff, 0xff, 0xff],
        ] {
            assert_eq!(Reader::new(bad).any(), Err(Malformed), "{bad:x?}");
        }
        assert!(only(&[0x30, 0x00, 0x00], tag::SEQUENCE).is_err());
    }

    proptest! {
        #[test]
        fn reading_ends_and_loses_nothing(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut reader = Reader::new(&bytes);
            let mut read = Vec::new();
            while let Ok(element) = reader.any() {
                read.extend_from_slice(element.whole);
            }
            prop_assert!(bytes.starts_with(&read));
        }

        #[test]
        fn what_is_written_is_read(content in proptest::collection::vec(any::<u8>(), 0..128)) {
            let written = element(tag::OCTET_STRING, &[&content]);
            prop_assert_eq!(Reader::new(&written).one(tag::OCTET_STRING).unwrap().content, content);
        }
    }
}

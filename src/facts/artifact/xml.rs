//! As much of XML as tells what a file is: tags one after the other, with their attributes as they are written.

/// Attributes of a tag that are looked at.
const ATTRIBUTES_MAX: usize = 64;

/// An opening tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tag<'a> {
    pub(super) name: &'a str,
    attributes: &'a str,
}

impl<'a> Tag<'a> {
    /// The value of an attribute, with its entities as they stand there.
    pub(super) fn attribute(&self, name: &str) -> Option<&'a str> {
        let mut rest = self.attributes;
        for _ in 0..ATTRIBUTES_MAX {
            let (key, after) = rest.split_once('=')?;
            let after = after.trim_start();
            let quote = after.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
            let (value, more) = after.get(1..)?.split_once(quote)?;
            if key.trim() == name {
                return Some(value);
            }
            rest = more;
        }
        None
    }
}

/// The opening tags of a text; what is no tag is passed over.
pub(super) struct Tags<'a> {
    rest: &'a str,
    /// Whether there is a document type, which may define entities.
    pub(super) has_type: bool,
}

impl<'a> Tags<'a> {
    pub(super) const fn of(text: &'a str) -> Self {
        Self { rest: text, has_type: false }
    }
}

impl<'a> Iterator for Tags<'a> {
    type Item = Tag<'a>;

    fn next(&mut self) -> Option<Tag<'a>> {
        loop {
            let (_, rest) = self.rest.split_once('<')?;
            self.rest = rest;
            let end = match rest.as_bytes() {
                [b'!', b'-', b'-', ..] => "-->",
                [b'!', b'[', ..] => "]]>",
                [b'?', ..] => "?>",
                _ => ">",
            };
            let (inside, rest) = self.rest.split_once(end)?;
            self.rest = rest;
            self.has_type |= inside.starts_with("!DOCTYPE") || inside.starts_with("!ENTITY");
            if inside.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_') {
                let inside = inside.trim_end_matches('/');
                let (name, attributes) =
                    inside.split_once(|end: char| end.is_ascii_whitespace()).unwrap_or((inside, ""));
                return Some(Tag { name, attributes });
            }
        }
    }
}

/// The text of a file that begins as XML does.
pub(super) fn text(bytes: &[u8]) -> Option<&str> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.trim_ascii_start().first() != Some(&b'<') {
        return None;
    }
    // The last character of a beginning may be cut in two.
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(error) => bytes.get(..error.valid_up_to()).and_then(|valid| std::str::from_utf8(valid).ok()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn tags_have_names_and_attributes() {
        let text = "<?xml version='1.0'?>\n<!-- <no a='1'> --><!DOCTYPE x>\n<a b=\"1\" c = 'two'/>text<d\n e='3'></d>";
        let mut tags = Tags::of(text);
        let first = tags.next().unwrap();
        assert_eq!((first.name, first.attribute("b"), first.attribute("c")), ("a", Some("1"), Some("two")));
        assert_eq!(first.attribute("e"), None);
        let second = tags.next().unwrap();
        assert_eq!((second.name, second.attribute("e")), ("d", Some("3")));
        assert!(tags.next().is_none() && tags.has_type);
    }

    #[test]
    fn only_what_begins_as_xml_does_is_text_of_it() {
        assert_eq!(super::text(b"\xef\xbb\xbf <a/>"), Some(" <a/>"));
        assert_eq!(super::text(b"<a>\xc3"), Some("<a>"));
        assert_eq!(super::text(b"text <a/>"), None);
        assert_eq!(super::text(b""), None);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[<>=!?/a '\"-]{0,60}") {
            for tag in Tags::of(&text) {
                tag.attribute("a");
            }
        }
    }
}

//! Templates of chats: Jinja that whoever loads a model runs on every message.

/// What a template has no use for: these lead out of Jinja's sandbox (CVE-2024-34359).
const WAYS_OUT: [&str; 14] = [
    "__class__",
    "__mro__",
    "__base__",
    "__bases__",
    "__subclasses__",
    "__globals__",
    "__builtins__",
    "__import__",
    "__init__",
    "__getattribute__",
    "__dict__",
    "popen",
    "os.system",
    "|attr(",
];

/// Those that Python sources have in braces as well, as in `f"{{{self.__class__.__name__}}}"`: in a text of which
/// nobody knows that it is a template they say nothing. The others are needed to come to anything that does harm.
const ALSO_IN_PYTHON: [&str; 3] = ["__class__", "__init__", "__dict__"];

/// The first way out in a template, if it has one.
pub(super) fn way_out(template: &str) -> Option<&'static str> {
    WAYS_OUT.into_iter().find(|way| template.contains(way))
}

/// The first way out within the braces of a text that may be a template, such as `chat_template.jinja`, and its byte
/// offset.
pub(super) fn way_out_of_braces(text: &str) -> Option<(usize, &'static str)> {
    let mut position = 0;
    while let Some((start, end)) = braces(text, position) {
        let inside = text.get(start..end).unwrap_or_default();
        let found = WAYS_OUT.into_iter().filter(|way| !ALSO_IN_PYTHON.contains(way));
        let found = found.filter_map(|way| Some((start + inside.find(way)?, way))).min();
        if found.is_some() {
            return found;
        }
        position = end;
    }
    None
}

/// Where the next expression (`{{ }}`) or statement (`{% %}`) begins and ends. One that does not end goes on to the end
/// of the text.
fn braces(text: &str, from: usize) -> Option<(usize, usize)> {
    let mut from = from;
    loop {
        let start = from + text.get(from..)?.find('{')?;
        let close = match text.as_bytes().get(start + 1) {
            Some(b'{') => "}}",
            Some(b'%') => "%}",
            _ => {
                from = start + 1;
                continue;
            }
        };
        let inside = text.get(start + 2..)?;
        return Some((start, inside.find(close).map_or(text.len(), |at| start + 2 + at + close.len())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The template of Qwen2.
    const CHAT: &str = "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ \
                        '<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n' }}{% endif %}{{'<|im_start|>' + \
                        message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}";

    #[test]
    fn templates_of_chats_lead_nowhere() {
        assert_eq!(way_out(CHAT), None);
        assert_eq!(way_out_of_braces(CHAT), None);
        assert_eq!(way_out(&format!("{CHAT}{{{{ ().__class__ }}}}")), Some("__class__"));
    }

    #[test]
    fn a_way_out_counts_within_braces() {
        let text = "a {{ x }} {%- set y = ().__class__.__mro__[1].__subclasses__() %}";
        assert_eq!(way_out_of_braces(text), Some((text.find("__mro__").unwrap(), "__mro__")));
        assert_eq!(way_out_of_braces("{{ x | attr('a') }} {{ x|attr('a') }}"), Some((24, "|attr(")));
        assert_eq!(way_out_of_braces("{{ cycler.__init__.__globals__.os.popen('id')"), Some((19, "__globals__")));
        // A source of Python, whose braces are those of its own templates.
        let python = "import os\nos.system('ls')\nname = f\"{{{self.__class__.__name__}}}\"\nx = {{}}.__globals__\n";
        assert_eq!(way_out_of_braces(python), None);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[{}%a_é ]{0,60}") {
            way_out_of_braces(&text);
        }
    }
}

//! Sections as they are gathered from a card.

use super::placeholders::is_placeholder;
use super::{Section, SectionKind};

/// Characters of a section that are kept. A page has three thousand; a longer section is an appendix.
const TEXT_CHARACTERS_MAX: usize = 20_000;

/// The sections of a card so far.
#[derive(Debug, Default)]
pub(super) struct Sections {
    begun: Vec<Section>,
    /// Characters that the text of the last one may still have.
    room: usize,
}

impl Sections {
    /// Begins a section; what is added then is its content.
    pub(super) fn begin(&mut self, kind: Option<SectionKind>, heading: impl Into<String>, level: u8, line: u64) {
        let heading = heading.into();
        self.room = TEXT_CHARACTERS_MAX;
        self.begun.push(Section { kind, heading, level, line, words: 0, placeholder: false, text: String::new() });
    }

    /// The section that was begun last.
    pub(super) fn last_mut(&mut self) -> Option<&mut Section> {
        self.begun.last_mut()
    }

    /// Adds a finished block of text to the section that was begun last.
    pub(super) fn add(&mut self, block: &str) {
        let block = block.trim();
        let Some(section) = self.begun.last_mut().filter(|_| !block.is_empty()) else { return };
        if is_placeholder(block) {
            section.placeholder = true;
        } else {
            section.words += block.split_whitespace().count() as u64;
            append(&mut section.text, block, &mut self.room);
        }
    }

    /// The sections, with the words of those that are within them.
    ///
    /// What is about something else is no content of the section around it: a card whose training data is unwritten does
    /// not say more of it for a list of hyperparameters below.
    pub(super) fn finish(self) -> Vec<Section> {
        let mut sections = self.begun;
        forget_title(&mut sections);
        let own: Vec<_> =
            sections.iter().map(|section| (section.kind, section.level, section.words, section.placeholder)).collect();
        // The sections that the one at hand is within, outermost first: six at most.
        let mut open: Vec<(usize, u8)> = Vec::new();
        for (index, (kind, level, words, placeholder)) in own.into_iter().enumerate() {
            open.retain(|(_, above)| *above < level);
            let mut about = kind;
            for (above, _) in open.iter().rev() {
                let Some(section) = sections.get_mut(*above) else { continue };
                about = about.or(section.kind);
                section.placeholder |= placeholder;
                if section.kind.is_none() || section.kind == about {
                    section.words += words;
                }
            }
            open.push((index, level));
        }
        sections
    }
}

/// The only heading of the first level, when it begins the card, is its title: what words are in the name of
/// a model says nothing about the card, all of which is below it.
fn forget_title(sections: &mut [Section]) {
    if let [title, rest @ ..] = sections
        && title.level == 1
        && !rest.is_empty()
        && rest.iter().all(|section| section.level > 1)
    {
        title.kind = None;
    }
}

fn append(text: &mut String, block: &str, room: &mut usize) {
    if *room == 0 {
        return;
    }
    if !text.is_empty() {
        text.push('\n');
    }
    let mut characters = block.chars();
    for character in characters.by_ref().take(*room) {
        text.push(character);
        *room -= 1;
    }
    if characters.next().is_some() {
        text.push('\u{2026}');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_about_something_else_is_no_content_of_the_section_around_it() {
        let mut sections = Sections::default();
        sections.begin(None, "Card", 1, 1);
        sections.begin(Some(SectionKind::TrainingData), "Training details", 2, 2);
        sections.add("one");
        sections.begin(None, "Sources", 3, 3);
        sections.add("two three");
        sections.begin(Some(SectionKind::ModelDetails), "Hyperparameters", 3, 4);
        sections.add("four five six");
        sections.begin(None, "Rates", 4, 5);
        sections.add("seven");
        sections.add("TODO");
        let found: Vec<_> =
            sections.finish().into_iter().map(|section| (section.words, section.placeholder, section.text)).collect();
        let expected =
            [(7, true, ""), (3, true, "one"), (2, false, "two three"), (4, true, "four five six"), (1, true, "seven")];
        assert_eq!(found, expected.map(|(words, placeholder, text)| (words, placeholder, text.to_owned())));
    }

    #[test]
    fn text_is_kept_up_to_its_limit() {
        let mut sections = Sections::default();
        sections.begin(None, "Card", 1, 1);
        for _ in 0..3 {
            sections.add(&"é".repeat(TEXT_CHARACTERS_MAX - 10));
        }
        let section = sections.finish().remove(0);
        assert_eq!((section.words, section.text.chars().count()), (3, TEXT_CHARACTERS_MAX + 2));
        assert!(section.text.ends_with("é\u{2026}"));
    }
}

//! An answer that is said block by block while it is written. Pure.

/// A block is said when it has so many UTF-16 units, and the paragraph is over.
const ENOUGH: usize = 800;

/// How many bytes of `text` are a finished block: up to the last end of a paragraph that is not in
/// code, if that is enough; all of it where what follows is something else (`whole`).
pub(super) fn finished(text: &str, whole: bool) -> Option<usize> {
    if whole {
        return (!text.trim().is_empty()).then_some(text.len());
    }
    let end = last_border(text)?;
    let units = text[..end].encode_utf16().count();
    (units >= ENOUGH).then_some(end)
}

/// What of `text` was not said by `said`, the blocks so far. What was said may begin with other
/// answers of the same turn, and may have been taken back since.
pub(super) fn rest<'a>(text: &'a str, said: &[String]) -> &'a str {
    (0..said.len())
        .find_map(|first| after(text, &said[first..]))
        .unwrap_or(text)
}

/// Whether `text` may yet grow into what was said.
pub(super) fn may_be_said(text: &str, said: &[String]) -> bool {
    (0..said.len()).any(|first| is_begun(text, &said[first..]))
}

fn after<'a>(text: &'a str, said: &[String]) -> Option<&'a str> {
    said.iter().try_fold(text, |rest, block| {
        rest.trim_start().strip_prefix(block.trim())
    })
}

fn is_begun(text: &str, said: &[String]) -> bool {
    let mut rest = text.trim_start();
    for block in said {
        let block = block.trim();
        match rest.strip_prefix(block) {
            Some(more) => rest = more.trim_start(),
            None => return block.starts_with(rest.trim_end()),
        }
    }
    false
}

/// The end of the last paragraph that another one follows, outside of code between fences.
fn last_border(text: &str) -> Option<usize> {
    let mut fence: Option<&str> = None;
    let (mut at, mut border) = (0, None);
    let mut blank_before = false;
    for line in text.split_inclusive('\n') {
        let bare = line.trim();
        let marks = fence_of(bare);
        match (fence, marks) {
            (Some(open), Some(marks)) if marks.starts_with(open) && bare == marks => fence = None,
            (Some(_), _) => {}
            (None, Some(marks)) => {
                if blank_before {
                    border = Some(at);
                }
                fence = Some(marks);
            }
            (None, None) if blank_before && !bare.is_empty() => border = Some(at),
            (None, None) => {}
        }
        blank_before = bare.is_empty() && fence.is_none();
        at += line.len();
    }
    if blank_before && fence.is_none() && text.ends_with('\n') {
        border = Some(at);
    }
    border.filter(|border| *border > 0)
}

/// The marks that open or close code: at least three of a kind.
fn fence_of(line: &str) -> Option<&str> {
    let mark = line.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let end = line.find(|c| c != mark).unwrap_or(line.len());
    (end >= 3).then(|| &line[..end])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn long(word: &str) -> String {
        word.repeat(ENOUGH / word.len() + 1)
    }

    #[test]
    fn a_block_ends_with_a_paragraph() {
        let one = long("word ");
        assert_eq!(finished(&one, false), None);
        assert_eq!(finished("short\n\nmore", false), None);
        let two = format!("{one}\n\nand mo");
        assert_eq!(finished(&two, false), Some(one.len() + 2));
        assert_eq!(finished("short", true), Some(5));
        assert_eq!(finished(" \n", true), None);
    }

    #[test]
    fn code_is_not_torn() {
        let code = format!("```sh\n{}\n\n", long("echo "));
        assert_eq!(finished(&code, false), None);
        let closed = format!("{code}```\n\nso");
        assert_eq!(finished(&closed, false), Some(closed.len() - 2));
        let before = format!("{}\n\n{code}", long("x"));
        assert_eq!(finished(&before, false), Some(before.len() - code.len()));
    }

    #[test]
    fn what_was_taken_back_is_said_anew() {
        let said = vec!["one".to_owned(), "two".to_owned()];
        assert_eq!(rest("one\n\ntwo\n\nthree", &said), "\n\nthree");
        assert_eq!(rest("two and more", &said), " and more");
        assert_eq!(rest("other", &said), "other");
        assert!(may_be_said("tw", &said) && may_be_said("one\n\nt", &said));
        assert!(!may_be_said("three", &said) && !may_be_said("one\n\ntwo\n\nthree", &said));
    }

    proptest! {
        #[test]
        fn blocks_and_the_rest_are_the_text(
            text in "([a-z]{1,9}|\n|\n\n|```\n){0,60}", cuts in prop::collection::vec(any::<bool>(), 0..8),
        ) {
            let text = text.repeat(20);
            let mut said: Vec<String> = Vec::new();
            let mut left = text.as_str();
            for whole in cuts {
                if let Some(end) = finished(left, whole).filter(|end| !left[..*end].trim().is_empty()) {
                    said.push(left[..end].trim().to_owned());
                    left = &left[end..];
                }
                if left.is_empty() { break; }
            }
            prop_assert_eq!(rest(&text, &said).trim(), left.trim());
        }
    }
}

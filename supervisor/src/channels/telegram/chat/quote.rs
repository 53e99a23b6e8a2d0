//! Which messages of an answer quote what they answer.

use crate::channels::telegram::Origin;
use crate::channels::telegram::outgoing::Quote;
use crate::config::ReplyMode;

/// What part `n` of an answer quotes. What the answer itself says goes before what is configured.
/// Where nothing is configured, answers in groups do: others talk there as well.
pub(super) fn quoted(
    mode: Option<ReplyMode>,
    said: Quote,
    origin: &Origin,
    n: usize,
) -> Option<i32> {
    let usual = match origin.group {
        true => ReplyMode::First,
        false => ReplyMode::Off,
    };
    let asked = (origin.message > 0).then_some(origin.message);
    match said {
        Quote::None => None,
        Quote::Current => asked.filter(|_| n == 0),
        Quote::Message(message) => Some(message).filter(|_| n == 0),
        Quote::Default => match mode.unwrap_or(usual) {
            ReplyMode::Off => None,
            ReplyMode::First => asked.filter(|_| n == 0),
            ReplyMode::All => asked,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channels::telegram::Place;

    #[test]
    fn parts_quote_as_is_configured_unless_the_answer_says_otherwise() {
        let origin = Origin {
            place: Place {
                account: String::new(),
                chat: -1,
                thread: None,
            },
            message: 7,
            sender: String::new(),
            name: String::new(),
            username: None,
            group: true,
            owner: false,
        };
        let quotes = |mode, said: Quote| -> Vec<Option<i32>> {
            (0..3)
                .map(|n| quoted(Some(mode), said, &origin, n))
                .collect()
        };
        let first = |message| vec![Some(message), None, None];
        assert_eq!(quotes(ReplyMode::Off, Quote::Default), vec![None; 3]);
        assert_eq!(quotes(ReplyMode::First, Quote::Default), first(7));
        assert_eq!(quotes(ReplyMode::All, Quote::Default), vec![Some(7); 3]);
        assert_eq!(quotes(ReplyMode::Off, Quote::Current), first(7));
        assert_eq!(quotes(ReplyMode::All, Quote::Message(3)), first(3));
        assert_eq!(quotes(ReplyMode::All, Quote::None), vec![None; 3]);
        assert_eq!(quoted(None, Quote::Default, &origin, 0), Some(7));
        let private = Origin {
            group: false,
            ..origin
        };
        assert_eq!(quoted(None, Quote::Default, &private, 0), None);
    }
}

//! DNS as far as a session's own resolver needs it: questions read, answers made. Pure.

use super::name::Name;
use std::net::Ipv4Addr;

/// Longest question that is read, in bytes: more than one name, its header and an EDNS record.
pub(super) const MAX_QUESTION: usize = 1024;

const HEADER: usize = 12;
/// A made-up address is good for this long, in seconds. Short: it can be forgotten.
const TTL: u32 = 60;
const TYPE_A: u16 = 1;
const CLASS_IN: u16 = 1;

/// A question about one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    id: [u8; 2],
    /// Whether it was asked to look further itself, which is told back.
    recursive: bool,
    /// As it came: name, type and class.
    section: Vec<u8>,
    /// The name; `None` for one that no host can have, and for the root.
    pub name: Option<Name>,
    /// Whether it asks for an IPv4 address.
    pub is_address: bool,
}

/// What is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// This address.
    Address(Ipv4Addr),
    /// The name is there, but has nothing of what was asked for.
    Nothing,
    /// There is no such name.
    NoSuchName,
}

/// What is said to bytes that are no question of ours; nothing at all where that could loop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoQuestion(pub Option<Vec<u8>>);

impl Question {
    /// Reads a message.
    ///
    /// # Errors
    /// [`NoQuestion`] with what to send back.
    pub fn parse(message: &[u8]) -> Result<Self, NoQuestion> {
        let Some((header, rest)) = message.split_first_chunk::<HEADER>() else {
            return Err(NoQuestion(None));
        };
        let [id0, id1, flags, _, count0, count1, ..] = *header;
        if flags & 0x80 != 0 {
            return Err(NoQuestion(None));
        }
        let complain = |code: u8| NoQuestion(Some(head([id0, id1], flags & 0x79, code, [0, 0])));
        if flags & 0x78 != 0 {
            return Err(complain(NOT_IMPLEMENTED));
        }
        if [count0, count1] != [0, 1] {
            return Err(complain(FORMAT_ERROR));
        }
        let (name, length) = labels(rest).ok_or_else(|| complain(FORMAT_ERROR))?;
        let Some(&[kind0, kind1, class0, class1]) = rest.get(length..length + 4) else {
            return Err(complain(FORMAT_ERROR));
        };
        let kind = u16::from_be_bytes([kind0, kind1]);
        let class = u16::from_be_bytes([class0, class1]);
        Ok(Self {
            id: [id0, id1],
            recursive: flags & 1 != 0,
            section: rest[..length + 4].to_vec(),
            name,
            is_address: kind == TYPE_A && class == CLASS_IN,
        })
    }

    /// The message that answers it.
    #[must_use]
    pub fn answer(&self, answer: Answer) -> Vec<u8> {
        let (code, count) = match answer {
            Answer::Address(_) => (NO_ERROR, [0, 1]),
            Answer::Nothing => (NO_ERROR, [0, 0]),
            Answer::NoSuchName => (NO_SUCH_NAME, [0, 0]),
        };
        let mut message = head(self.id, u8::from(self.recursive), code, count);
        // It holds the question.
        message[5] = 1;
        message.extend_from_slice(&self.section);
        if let Answer::Address(address) = answer {
            // The name, as a pointer to the one in the question.
            message.extend_from_slice(&[0xc0, 0x0c]);
            message.extend_from_slice(&TYPE_A.to_be_bytes());
            message.extend_from_slice(&CLASS_IN.to_be_bytes());
            message.extend_from_slice(&TTL.to_be_bytes());
            message.extend_from_slice(&[0, 4]);
            message.extend_from_slice(&address.octets());
        }
        message
    }
}

const NO_ERROR: u8 = 0;
const FORMAT_ERROR: u8 = 1;
const NO_SUCH_NAME: u8 = 3;
const NOT_IMPLEMENTED: u8 = 4;

/// A header that answers: we look names up ourselves (RA), and say `code`.
fn head(id: [u8; 2], flags: u8, code: u8, answers: [u8; 2]) -> Vec<u8> {
    let [id0, id1] = id;
    let [count0, count1] = answers;
    vec![
        id0,
        id1,
        0x80 | flags,
        0x80 | code,
        0,
        0,
        count0,
        count1,
        0,
        0,
        0,
        0,
    ]
}

/// The name a question begins with, and how many bytes it took. `None` where that is no name: cut
/// off, too long, or with a pointer, which no first name has a place to point to.
fn labels(bytes: &[u8]) -> Option<(Option<Name>, usize)> {
    let mut text = String::new();
    let mut at = 0;
    let mut plain = true;
    loop {
        let length = usize::from(*bytes.get(at)?);
        at += 1;
        if length == 0 {
            break;
        }
        if length > 63 || at + length > 254 {
            return None;
        }
        let label = bytes.get(at..at + length)?;
        at += length;
        // A dot within a label is not the dot between two.
        plain &= label
            .iter()
            .all(|byte| byte.is_ascii_graphic() && *byte != b'.');
        if plain {
            text.extend(label.iter().map(|byte| char::from(*byte)));
            text.push('.');
        }
    }
    let name = plain.then(|| Name::parse(&text).ok()).flatten();
    Some((name, at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A question as a stub resolver puts it.
    fn message(name: &str, kind: u16) -> Vec<u8> {
        let mut message = vec![0xab, 0xcd, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in name.split('.').filter(|label| !label.is_empty()) {
            message.push(u8::try_from(label.len()).unwrap());
            message.extend_from_slice(label.as_bytes());
        }
        message.push(0);
        message.extend_from_slice(&kind.to_be_bytes());
        message.extend_from_slice(&[0, 1]);
        message
    }

    #[test]
    fn a_question_is_read_and_answered() {
        let question = Question::parse(&message("Example.COM", 1)).unwrap();
        assert_eq!(question.name.as_ref().unwrap().as_str(), "example.com");
        assert!(question.is_address);
        let answer = question.answer(Answer::Address(Ipv4Addr::new(198, 18, 0, 7)));
        let head = [0xab, 0xcd, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0];
        let tail = [0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 198, 18, 0, 7];
        // The letter case of the question comes back as it was: resolvers compare it.
        let expected = [&head[..], &message("Example.COM", 1)[12..], &tail].concat();
        assert_eq!(answer, expected);
    }

    #[test]
    fn what_is_no_address_question_gets_nothing() {
        for kind in [28, 65, 16, 255, 33] {
            let question = Question::parse(&message("example.com", kind)).unwrap();
            assert!(!question.is_address);
            assert_eq!(
                question.answer(Answer::Nothing)[..8],
                [0xab, 0xcd, 0x81, 0x80, 0, 1, 0, 0]
            );
            assert_eq!(question.answer(Answer::NoSuchName)[3], 0x83);
        }
    }

    #[test]
    fn a_record_behind_the_question_is_passed_over() {
        let mut message = message("example.com", 1);
        message[11] = 1;
        message.extend_from_slice(&[0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]);
        assert!(Question::parse(&message).unwrap().is_address);
    }

    #[test]
    fn a_name_no_host_can_have_is_no_name() {
        for name in ["", "a b.example", "127.0.0.1"] {
            assert_eq!(
                Question::parse(&message(name, 1)).unwrap().name,
                None,
                "{name:?}"
            );
        }
        let mut dotted = message("a_b.example", 1);
        dotted[14] = b'.';
        assert_eq!(Question::parse(&dotted).unwrap().name, None);
        dotted[14] = 0;
        assert_eq!(Question::parse(&dotted).unwrap().name, None);
    }

    #[test]
    fn what_is_no_question_is_told_so_or_met_with_silence() {
        let of = |message: &[u8]| Question::parse(message).unwrap_err().0;
        assert_eq!(of(&[0; 11]), None);
        let question = message("example.com", 1);
        let mut reply = question.clone();
        reply[2] |= 0x80;
        assert_eq!(of(&reply), None, "an answer is never answered");
        let mut update = question.clone();
        update[2] |= 5 << 3;
        assert_eq!(of(&update).unwrap()[3] & 0xf, NOT_IMPLEMENTED);
        let mut two = question.clone();
        two[5] = 2;
        assert_eq!(of(&two).unwrap()[3] & 0xf, FORMAT_ERROR);
        assert!(of(&question[..question.len() - 1]).is_some());
        let mut pointer = question.clone();
        pointer[12] = 0xc0;
        assert!(of(&pointer).is_some());
        let long = message(&"abcdefgh.".repeat(40), 1);
        assert!(of(&long).is_some());
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            if let Ok(question) = Question::parse(&bytes) {
                let answer = question.answer(Answer::NoSuchName);
                prop_assert!(answer[2] & 0x80 != 0 && answer.len() <= bytes.len());
            }
        }
    }
}

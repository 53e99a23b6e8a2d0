//! The session's own DNS: an answer is to the question that was asked, and hardly longer.
#![no_main]

#[expect(dead_code, reason = "each target needs its own part")]
mod egress;

use egress::dns::{Answer, NoQuestion, Question};
use libfuzzer_sys::fuzz_target;
use std::net::Ipv4Addr;

fuzz_target!(|bytes: &[u8]| {
    match Question::parse(bytes) {
        Ok(question) => {
            let answer = question.answer(Answer::Address(Ipv4Addr::new(198, 18, 0, 2)));
            assert_eq!(answer[..2], bytes[..2]);
            assert!(answer[2] & 0x80 != 0 && answer.len() <= bytes.len() + 16);
            assert_eq!(question.answer(Answer::Nothing).len() + 16, answer.len());
        }
        Err(NoQuestion(Some(complaint))) => {
            // Nothing to answer: who sends it to somebody who answers starts no conversation.
            assert_eq!(Question::parse(&complaint), Err(NoQuestion(None)));
        }
        Err(NoQuestion(None)) => {}
    }
});

//! Whatever is asked in whatever order, the store is what a simple model of it in memory is.

use super::{open, run};
use crate::store::Begun;
use ipc::id::{InputId, SessionKey};
use model::Model;
use proptest::prelude::*;
use std::path::Path;

mod model;

const SESSIONS: [&str; 2] = ["main", "other"];

#[derive(Debug, Clone)]
enum Op {
    Accept {
        key: u8,
        session: usize,
    },
    BeginTurn {
        session: usize,
        number: Number,
    },
    Append {
        session: usize,
        what: What,
        number: Number,
    },
    BeginCall {
        session: usize,
        index: u32,
    },
    EndCall {
        session: usize,
        index: u32,
    },
    Finish {
        session: usize,
        again: bool,
    },
    Reset {
        session: usize,
    },
    Pin {
        session: usize,
    },
    Reopen,
}

/// Which number an item or turn is given.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Number {
    Next,
    Same,
    Skipping,
}

#[derive(Debug, Clone, Copy)]
enum What {
    Answer { calls: u32 },
    Steer,
    Note,
    Summary,
}

/// What an operation came to.
#[derive(Debug, Clone, PartialEq)]
enum Said {
    Done,
    No,
    Began(Begun),
    Accepted {
        input: InputId,
        session: SessionKey,
        again: bool,
        reply: Option<String>,
    },
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let session = 0..SESSIONS.len();
    let number = prop_oneof![
        12 => Just(Number::Next),
        1 => Just(Number::Same),
        1 => Just(Number::Skipping),
    ];
    let what = prop_oneof![
        4 => (0..3_u32).prop_map(|calls| What::Answer { calls }),
        1 => Just(What::Steer),
        1 => Just(What::Note),
        1 => Just(What::Summary),
    ];
    let op = prop_oneof![
        5 => (0..9_u8, session.clone()).prop_map(|(key, session)| Op::Accept { key, session }),
        5 => (session.clone(), number.clone())
            .prop_map(|(session, number)| Op::BeginTurn { session, number }),
        8 => (session.clone(), what, number)
            .prop_map(|(session, what, number)| Op::Append { session, what, number }),
        5 => (session.clone(), 0..3_u32)
            .prop_map(|(session, index)| Op::BeginCall { session, index }),
        5 => (session.clone(), 0..3_u32)
            .prop_map(|(session, index)| Op::EndCall { session, index }),
        4 => (session.clone(), any::<bool>())
            .prop_map(|(session, again)| Op::Finish { session, again }),
        1 => session.clone().prop_map(|session| Op::Reset { session }),
        1 => session.prop_map(|session| Op::Pin { session }),
        1 => Just(Op::Reopen),
    ];
    proptest::collection::vec(op, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn the_store_is_its_model(ops in ops()) {
        let home = tempfile::tempdir().unwrap();
        run(compare(home.path(), ops));
    }
}

async fn compare(directory: &Path, ops: Vec<Op>) {
    let mut store = open(directory);
    let mut model = Model::default();
    for op in ops {
        if matches!(op, Op::Reopen) {
            drop(store);
            store = open(directory);
        }
        model.open(&store).await;
        let before = model.clone();
        let expected = model.apply(&op);
        assert_eq!(before.apply_to(&store, &op).await, expected, "{op:?}");
        model.open(&store).await;
        model.check(&store).await;
    }
}

//! Laws of the cut, over any history a session can have.

use super::*;
use ipc::agent::ContextLimits;
use ipc::transcript::ItemOutline;
use proptest::prelude::*;

const LIMITS: ContextLimits = ContextLimits {
    window: 10_000,
    reserve: 2_000,
    flush_margin: 500,
    memory_flush: true,
};

/// A history from kinds and sizes; outcomes follow an answer, and a summary comes first or not at all.
fn history(summary: bool, items: &[(u8, u32)]) -> Vec<ItemOutline> {
    let mut outline = Vec::new();
    let mut has_answer = false;
    if summary {
        outline.push((ItemKind::Summary, 300));
    }
    for (kind, tokens) in items {
        let kind = match kind % 4 {
            0 => ItemKind::User,
            1 => ItemKind::Answer,
            2 if has_answer => ItemKind::Outcome,
            _ => ItemKind::Note,
        };
        has_answer |= kind == ItemKind::Answer;
        outline.push((kind, *tokens));
    }
    let ids = (1..).map(ItemId);
    let items = ids.zip(outline);
    items
        .map(|(id, (kind, tokens))| ItemOutline { id, kind, tokens })
        .collect()
}

fn any_transcript() -> impl Strategy<Value = Transcript> {
    let items = prop::collection::vec((any::<u8>(), 1..2500u32), 0..25);
    (any::<bool>(), items, any::<bool>(), 0..3000u32).prop_map(
        |(summary, items, unheard, overhead)| {
            let mut transcript = Transcript::new(history(summary, &items), LIMITS, overhead);
            if unheard {
                transcript.expect_unheard_outcomes();
            }
            transcript
        },
    )
}

/// The index of the first item that is kept.
fn kept_from(transcript: &Transcript, through: ItemId) -> usize {
    let items = transcript.items();
    items.iter().position(|item| item.id == through).unwrap() + 1
}

fn check_legal(transcript: &Transcript, through: ItemId) {
    let at = kept_from(transcript, through);
    assert!(at > transcript.summaries(), "folds something new");
    let kept = &transcript.items()[at..];
    let first = kept
        .iter()
        .find(|item| matches!(item.kind, ItemKind::Answer | ItemKind::Outcome));
    assert_ne!(first.map(|item| item.kind), Some(ItemKind::Outcome));
    if transcript.has_unheard_outcomes() {
        assert!(
            first.is_some(),
            "keeps the answer whose outcomes are unheard"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_cut_parts_no_answer_from_its_outcomes_and_folds_something_new(
        transcript in any_transcript(),
    ) {
        for why in [Why::Pressure, Why::Refused, Why::Requested] {
            if let Some(through) = cut(&transcript, why) {
                check_legal(&transcript, through);
            }
        }
    }

    #[test]
    fn a_smaller_cut_is_smaller_and_as_legal(transcript in any_transcript()) {
        let mut far = cut(&transcript, Why::Refused);
        while let Some(through) = far {
            let nearer = smaller_cut(&transcript, through);
            if let Some(nearer) = nearer {
                check_legal(&transcript, nearer);
                prop_assert!(nearer < through);
            }
            far = nearer;
        }
    }

    #[test]
    fn what_can_be_folded_is_folded_when_it_must(transcript in any_transcript()) {
        let can = !legal(&transcript).is_empty();
        prop_assert_eq!(cut(&transcript, Why::Refused).is_some(), can);
        prop_assert_eq!(cut(&transcript, Why::Requested).is_some(), can);
    }

    #[test]
    fn folding_again_and_again_comes_to_an_end(transcript in any_transcript()) {
        let mut transcript = transcript;
        for round in 1000.. {
            let Some(through) = cut(&transcript, Why::Refused) else {
                break;
            };
            let before = transcript.items().len();
            let id = ItemId(round);
            transcript.fold(through, ItemOutline { id, kind: ItemKind::Summary, tokens: 100 });
            prop_assert!(transcript.items().len() <= before);
            prop_assert!(round < 1100);
        }
    }

    #[test]
    fn what_is_not_due_is_not_cut(transcript in any_transcript()) {
        if due(&transcript) != Due::Nothing {
            prop_assert!(cut(&transcript, Why::Pressure).is_some());
        }
    }
}

fn check(items: &[(u8, u32)]) -> Option<u64> {
    let transcript = Transcript::new(history(false, items), LIMITS, 500);
    cut(&transcript, Why::Pressure).map(|through| through.0)
}

const USER: u8 = 0;
const ANSWER: u8 = 1;
const OUTCOME: u8 = 2;

#[test]
fn the_last_users_words_are_kept_with_a_recent_tail() {
    let old = [(USER, 500), (ANSWER, 500), (OUTCOME, 2500), (ANSWER, 500)];
    let new = [(USER, 400), (ANSWER, 300), (OUTCOME, 300)];
    assert_eq!(check(&[&old[..], &old[..], &new[..]].concat()), Some(7));
}

#[test]
fn a_long_turn_keeps_its_recent_tail_only() {
    let round = [(ANSWER, 200), (OUTCOME, 700)];
    let turn = [&[(USER, 500)], &round[..].repeat(9)[..]].concat();
    assert_eq!(check(&turn), Some(17));
}

#[test]
fn a_huge_last_outcome_is_kept_while_it_fits() {
    let items = [
        (USER, 500),
        (ANSWER, 2500),
        (OUTCOME, 2500),
        (ANSWER, 100),
        (OUTCOME, 3000),
    ];
    assert_eq!(check(&items), Some(3));
}

#[test]
fn what_one_summary_can_not_read_is_folded_in_steps() {
    let items = [(USER, 6000), (ANSWER, 2000), (USER, 6000), (ANSWER, 6000)];
    assert_eq!(check(&items), Some(2));
}

#[test]
fn a_fold_that_would_save_little_is_not_made() {
    assert_eq!(check(&[(USER, 100), (ANSWER, 100), (USER, 9000)]), None);
    let small = Transcript::new(history(false, &[(USER, 100), (ANSWER, 100)]), LIMITS, 9_500);
    assert_eq!(due(&small), Due::Nothing);
}

#[test]
fn the_default_reserve_does_not_swallow_a_small_window() {
    let limits = ContextLimits {
        window: 8_000,
        reserve: 20_000,
        flush_margin: 4_000,
        memory_flush: true,
    };
    let items = history(false, &[(USER, 500), (ANSWER, 500), (USER, 500)]);
    assert_eq!(due(&Transcript::new(items, limits, 500)), Due::Nothing);
}

#[test]
fn a_window_nobody_knows_is_never_full() {
    let limits = ContextLimits {
        window: 0,
        ..LIMITS
    };
    let items = history(false, &[(USER, 2_000_000), (ANSWER, 500), (USER, 500)]);
    let transcript = Transcript::new(items, limits, 500);
    assert_eq!(due(&transcript), Due::Nothing);
    assert_eq!(cut(&transcript, Why::Refused), Some(ItemId(1)));
}

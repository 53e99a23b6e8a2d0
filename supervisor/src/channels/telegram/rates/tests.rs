use super::window::LONGEST;
use super::*;
use proptest::prelude::*;

/// What is asked for, by milliseconds after the begin.
#[derive(Debug, Clone, Copy)]
struct Ask {
    at: u64,
    chat: i64,
    urgency: Urgency,
    /// From when it leaves until it is answered.
    takes: u64,
    /// From when it leaves until the server counts it.
    counted: u64,
}

fn ask(at: u64, chat: i64, urgency: Urgency) -> Ask {
    Ask {
        at,
        chat,
        urgency,
        takes: 0,
        counted: 0,
    }
}

fn whole(at: u64, chat: i64) -> Ask {
    ask(at, chat, Urgency::Whole)
}

fn asks() -> impl Strategy<Value = Vec<Ask>> {
    let urgency = prop_oneof![3 => Just(Urgency::Whole), 1 => Just(Urgency::Live)];
    let chat = prop_oneof![Just(1_i64), Just(2), Just(-1), 10..40_i64];
    let one = (0..4_000_u64, chat, urgency);
    let one = one.prop_map(|(at, chat, urgency)| ask(at, chat, urgency));
    prop::collection::vec(one, 1..160).prop_map(|mut asks| {
        asks.sort_by_key(|ask| ask.at);
        asks
    })
}

/// The same over a way that takes as long as it likes.
fn slow_asks() -> impl Strategy<Value = Vec<Ask>> {
    let longest = u64::try_from(LONGEST.as_millis()).unwrap();
    let takes = prop_oneof![3 => 0..300_u64, 1 => 0..=longest];
    let way = (takes, 0..=100_u64).prop_map(|(takes, percent)| (takes, takes * percent / 100));
    let ways = prop::collection::vec(way, 160);
    (asks(), ways).prop_map(|(mut asks, ways)| {
        for (ask, (takes, counted)) in asks.iter_mut().zip(ways) {
            (ask.takes, ask.counted) = (takes, counted);
        }
        asks
    })
}

/// Lets time run until all was answered: who left when, in milliseconds.
fn run(asks: &[Ask], holds: &[(u64, i64, u64)]) -> Vec<(u64, usize)> {
    let begin = Instant::now();
    let at = |ms: u64| begin + Duration::from_millis(ms);
    let mut rates = Rates::new();
    let mut said = Vec::new();
    let mut now = begin;
    let mut asked = asks.iter().enumerate().peekable();
    let mut holds = holds.iter().peekable();
    let mut under_way: BTreeMap<(Instant, usize), Call> = BTreeMap::new();
    loop {
        while let Some((ms, chat, for_ms)) = holds.next_if(|(ms, ..)| at(*ms) <= now) {
            rates.hold(*chat, at(*ms), Duration::from_millis(*for_ms));
        }
        while let Some((n, ask)) = asked.next_if(|(_, ask)| at(ask.at) <= now) {
            rates.ask(ask.chat, ask.urgency, n);
        }
        while let Some(entry) = under_way.first_entry().filter(|entry| entry.key().0 <= now) {
            let ((at, _), call) = entry.remove_entry();
            rates.answered(call, at);
        }
        for (n, call) in rates.grant(now, |_| false) {
            let ms = now.duration_since(begin).as_millis();
            said.push((u64::try_from(ms).unwrap(), n));
            let takes = Duration::from_millis(asks[n].takes);
            under_way.insert((now + takes, n), call);
        }
        let next = [
            rates.wake_at(now),
            under_way.keys().next().map(|(at, _)| *at),
            asked.peek().map(|(_, ask)| at(ask.at)),
            holds.peek().map(|(ms, ..)| at(*ms)),
        ];
        match next.into_iter().flatten().min() {
            Some(next) => now = next.max(now + Duration::from_millis(1)),
            None => return said,
        }
    }
}

fn most_within(times: &[u64], window: u64) -> usize {
    let within = |from: &u64| {
        let until = *from + window;
        times
            .iter()
            .filter(|at| (*from..until).contains(*at))
            .count()
    };
    times.iter().map(within).max().unwrap_or(0)
}

fn of_chat(said: &[(u64, usize)], asks: &[Ask], chat: i64) -> Vec<u64> {
    let mine = said.iter().filter(|(_, n)| asks[*n].chat == chat);
    mine.map(|(at, _)| *at).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_window_is_ever_exceeded_and_all_is_said(asks in asks()) {
        let said = run(&asks, &[]);
        prop_assert_eq!(said.len(), asks.len());
        let all: Vec<u64> = said.iter().map(|(at, _)| *at).collect();
        prop_assert!(most_within(&all, 1_000) <= ALL);
        for chat in [1, 2, -1] {
            // A burst, and one more for each second of the window.
            prop_assert!(most_within(&of_chat(&said, &asks, chat), 2_000) <= 6);
        }
    }

    #[test]
    fn no_window_is_exceeded_at_the_server_however_long_the_way(asks in slow_asks()) {
        let left = run(&asks, &[]);
        prop_assert_eq!(left.len(), asks.len());
        let counted = |(at, n): &(u64, usize)| (at + asks[*n].counted, *n);
        let counted: Vec<(u64, usize)> = left.iter().map(counted).collect();
        let all: Vec<u64> = counted.iter().map(|(at, _)| *at).collect();
        prop_assert!(most_within(&all, 1_000) <= ALL);
        prop_assert!(most_within(&of_chat(&counted, &asks, -1), 60_000) <= GROUP);
    }

    #[test]
    fn what_is_alone_never_waits(chat in -50..50_i64) {
        for urgency in [Urgency::Whole, Urgency::Live] {
            prop_assert_eq!(run(&[ask(0, chat, urgency)], &[]), vec![(0, 0)]);
        }
    }

    #[test]
    fn a_chat_that_must_wait_delays_no_other(asks in asks()) {
        let asks: Vec<Ask> = asks.iter().map(|ask| whole(ask.at, ask.chat)).collect();
        let held = |said: &[(u64, usize)]| -> Vec<(u64, usize)> {
            said.iter().copied().filter(|(_, n)| asks[*n].chat != 1).collect()
        };
        let free = run(&asks, &[]);
        let slow = run(&asks, &[(0, 1, 30_000)]);
        for (at, n) in held(&slow) {
            let before = free.iter().find(|(_, other)| *other == n).unwrap().0;
            prop_assert!(at <= before, "{n} at {at}, not {before}");
        }
        for at in of_chat(&slow, &asks, 1) {
            prop_assert!(at >= 30_000);
        }
    }
}

#[test]
fn a_thousand_chats_are_answered_at_thirty_a_second() {
    // A way as long as a busy machine needs to its own server.
    let slow = |chat| Ask {
        takes: 30,
        ..whole(0, chat)
    };
    let asks: Vec<Ask> = (1..=1_000).map(slow).collect();
    let said = run(&asks, &[]);
    assert_eq!(said.len(), 1_000);
    let last = said.iter().map(|(at, _)| at + 30).max().unwrap();
    assert!(last <= 33_334 + 1_000, "{last} ms");
    assert!(
        said.windows(2).all(|pair| pair[0].1 < pair[1].1),
        "in order"
    );
}

#[test]
fn thirty_that_hang_hold_the_others_up_for_a_few_seconds() {
    let hangs = |chat| Ask {
        takes: 30_000,
        ..whole(0, chat)
    };
    let mut asks: Vec<Ask> = (1..=30).map(hangs).collect();
    asks.push(whole(0, 100));
    let said = run(&asks, &[]);
    let free = u64::try_from((LONGEST + OVERALL).as_millis()).unwrap();
    assert_eq!(said.last(), Some(&(free, 30)));
}

#[test]
fn growing_text_leaves_room_for_answers() {
    let live = (0..40).map(|chat| ask(0, 100 + chat, Urgency::Live));
    let mut asks: Vec<Ask> = live.collect();
    asks.push(whole(10, 7));
    asks.push(whole(11, 100));
    let said = run(&asks, &[]);
    assert!(
        said.contains(&(10, 40)) && said.contains(&(11, 41)),
        "{said:?}"
    );
}

#[test]
fn answers_go_before_growing_text_that_came_first() {
    let mut asks: Vec<Ask> = (0..30).map(|chat| whole(0, 100 + chat)).collect();
    asks.push(ask(1, 7, Urgency::Live));
    asks.extend((0..30).map(|chat| whole(2, 200 + chat)));
    let said = run(&asks, &[]);
    assert_eq!(said.last().unwrap().1, 30);
}

#[test]
fn a_chat_of_long_ago_is_forgotten() {
    let begin = Instant::now();
    let mut rates = Rates::new();
    for chat in -50..50 {
        rates.ask(chat, Urgency::Whole, ());
    }
    let mut now = begin;
    while rates.waiting() > 0 {
        for ((), call) in rates.grant(now, |()| false) {
            rates.answered(call, now);
        }
        now += Duration::from_millis(100);
    }
    rates.grant(now + Duration::from_secs(120), |()| false);
    assert_eq!(rates.chats(), 0);
}

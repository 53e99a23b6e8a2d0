//! Kills at any moment in a busy group, and in the middle of ten thousand waiting updates: what
//! people read at the end is what they read without kills.

use ipc::control::{FromSupervisor, ToSupervisor};
use serde_json::json;
use std::time::Duration;
use tests::model::{Said, Seen, Turn};
use tests::telegram::{Bot, Group, Rates};
use tests::{Gate, Gateway, Person, Setup, eventually, turn};

/// Kills in a round; fewer than a turn survives, so that none is given up however they fall.
const KILLS: usize = 5;
const ROUNDS: usize = 10;
/// What is said in a round.
const SAID: usize = 8;
/// In so many places, private chats aside.
const PLACES: usize = 4;

/// Numbers that look random and are the same every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let drawn = (self.0 >> 33) % u64::try_from(bound).unwrap();
        usize::try_from(drawn).unwrap()
    }
}

/// The same answer to the same question, with a tool on the way for some.
fn think(seen: &Seen) -> Turn {
    let number = number_of(seen.last_user());
    let is_after_tool = matches!(seen.said.last(), Some(Said::Tool { .. }));
    if number % 4 == 3 && !is_after_tool {
        return turn().calls("exec", json!({ "command": format!("echo {number}") }));
    }
    turn().says(&answer(number))
}

fn answer(number: usize) -> String {
    format!(
        "Answer {number}: the quick brown fox jumps over the lazy dog, and number {number} is done."
    )
}

/// The last `m-N` of a text.
fn number_of(text: &str) -> usize {
    numbers(text).last().copied().unwrap_or(0)
}

fn numbers(text: &str) -> Vec<usize> {
    let digits = |rest: &str| {
        let end = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        rest[..end].parse().ok()
    };
    text.split("m-").skip(1).filter_map(digits).collect()
}

async fn setup() -> Setup {
    let setup = Gateway::setup().await.telegram(|telegram| {
        telegram["groupPolicy"] = json!("open");
        telegram["groups"] = json!({ "*": { "requireMention": false } });
    });
    setup.config(|config| {
        config["messages"]["queue"] = json!({ "mode": "followup", "cap": 200 });
        config["session"]["dmScope"] = json!("per-channel-peer");
    })
}

/// Forums with two topics and a General one, basic groups, and a private chat, with three people.
struct Stage {
    bot: Bot,
    people: Vec<Person>,
    groups: Vec<Group>,
    /// How much was said.
    said: usize,
}

impl Stage {
    fn new(bot: &Bot) -> Self {
        bot.set_rates(Rates::none());
        let people = ["Alice", "Bob", "Carol"].map(|name| bot.person(name));
        Self {
            bot: bot.clone(),
            groups: Vec::new(),
            people: people.into(),
            said: 0,
        }
    }

    /// Everybody goes elsewhere: a group takes no more than twenty messages a minute, and whoever
    /// knows that waits.
    fn moves_on(&mut self) {
        let devs = self.bot.group("devs");
        let friends = self.bot.basic_group("friends");
        let places = [devs.topic(7), devs.topic(8), devs.general(), friends];
        self.groups.extend(places);
    }

    /// Somebody says the next number somewhere.
    async fn says(&mut self, dice: &mut Dice) {
        self.said += 1;
        let words = format!("m-{}", self.said);
        let person = &self.people[dice.below(self.people.len())];
        let here = &self.groups[self.groups.len() - PLACES..];
        match here.get(dice.below(PLACES + 2)) {
            Some(group) => person.says_in(group, &words).await,
            None => self.people[0].says(&words).await,
        };
    }

    /// The lines of each place: first those of people, then the bot's. Which of both came first
    /// when somebody spoke while it worked is nobody's promise.
    fn transcripts(&self) -> Vec<[Vec<String>; 2]> {
        let of_groups = self.groups.iter().map(Group::transcript);
        let all = of_groups.chain([self.people[0].transcript()]);
        let parted = |lines: Vec<String>| {
            let (ours, theirs) = lines
                .into_iter()
                .partition::<Vec<_>, _>(|line| line.starts_with("bot"));
            [theirs, ours]
        };
        all.map(parted).collect()
    }

    /// Answers that are to be seen, and those that are due.
    fn answered(&self) -> (usize, usize) {
        let ours = self.transcripts().into_iter().flat_map(|[_, ours]| ours);
        let whole = ours.filter(|line| line.ends_with("is done."));
        (whole.count(), self.said)
    }

    async fn is_answered(&self, gateway: &Gateway) {
        eventually!(
            self.answered().0 >= self.answered().1,
            "{:?} answered: {:#?}\n{}",
            self.answered(),
            self.transcripts(),
            gateway.log()
        );
        self.bot.all_confirmed().await;
        self.bot.is_idle().await;
    }
}

/// What people read after a conversation, with or without kills.
async fn talk(seed: u64, is_killed: bool) -> Vec<[Vec<String>; 2]> {
    let mut gateway = setup().await.start().await;
    gateway.model.thinks(think);
    let mut stage = Stage::new(&gateway.bot());
    // One for what is said, one for when it is ended: what is said is the same without kills.
    let (mut words, mut ends) = (Dice(seed), Dice(seed + 1));
    for _ in 0..ROUNDS {
        stage.moves_on();
        for n in 0..SAID {
            stage.says(&mut words).await;
            if is_killed && n < KILLS {
                // Any moment: the one wait that is not for a condition.
                let moment = Duration::from_micros(ends.below(120_000) as u64);
                tokio::time::sleep(moment).await;
                gateway.kill9_and_start_again().await;
            }
        }
        stage.is_answered(&gateway).await;
    }
    stage.transcripts()
}

async fn reads_the_same(seed: u64) {
    // In the log of a failed test.
    let _ = std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("seed {seed}\n"));
    let (with, without) = tokio::join!(talk(seed, true), talk(seed, false));
    assert_eq!(with, without, "seed {seed}");
}

#[tokio::test]
async fn fifty_kills_leave_the_chats_as_they_would_be() {
    reads_the_same(20_261_122).await;
}

#[tokio::test]
async fn fifty_other_kills_leave_the_chats_as_they_would_be() {
    reads_the_same(42).await;
}

#[tokio::test]
async fn fifty_more_kills_leave_the_chats_as_they_would_be() {
    reads_the_same(1_000_003).await;
}

#[tokio::test]
async fn the_last_fifty_of_two_hundred_kills_leave_the_chats_as_they_would_be() {
    reads_the_same(77).await;
}

const CHANNELS: ToSupervisor = ToSupervisor::Channels { probe: false };
const PEOPLE: usize = 40;
const EACH: usize = 250;

/// Tells which messages it was given, and so which it answers.
fn recite(seen: &Seen) -> Turn {
    let read = numbers(seen.last_user());
    let words: Vec<_> = read.iter().map(|number| format!("r-{number}")).collect();
    turn().says(&words.join(" "))
}

#[tokio::test]
async fn ten_thousand_waiting_updates_survive_a_kill_and_are_answered_once() {
    let setup = setup().await.config(|config| {
        config["messages"]["queue"] = json!({ "mode": "collect", "cap": 1000, "debounceMs": 1500 });
    });
    let mut gateway = setup.laid_out();
    // Nobody is answered before everything is stored: what waits meanwhile is read together.
    let gate = Gate::new();
    let held = gate.clone();
    gateway
        .model
        .thinks(move |seen| recite(seen).waits_for(&held));
    let bot = gateway.bot();
    bot.set_rates(Rates::none());
    let people: Vec<_> = (0..PEOPLE).map(|n| bot.person(&format!("P{n}"))).collect();
    for number in 0..PEOPLE * EACH {
        people[number % PEOPLE].says(&format!("m-{number}")).await;
    }
    gateway.start_again().await;
    eventually!(bot.unconfirmed() < 5_000);
    gateway.kill9_and_start_again().await;
    bot.all_confirmed().await;
    let waiting = async || match gateway.control().await.ask(&CHANNELS).await {
        FromSupervisor::Channels { channels } => channels[0].waiting,
        other => panic!("no channels: {other:?}"),
    };
    // It takes as long as it takes, while it goes on.
    let mut left = waiting().await;
    while left > 0 {
        eventually!(waiting().await < left, "{left} wait\n{}", gateway.log());
        left = waiting().await;
    }
    gate.open();
    let read = |person: &Person| -> Vec<usize> {
        let heard = person.heard();
        let words = heard.iter().flat_map(|shown| shown.text.split("r-"));
        words.filter_map(|word| word.trim().parse().ok()).collect()
    };
    let is_begun = || !read(&people[PEOPLE / 2]).is_empty();
    eventually!(is_begun(), "{}", gateway.log());
    gateway.kill9_and_start_again().await;
    for (n, person) in people.iter().enumerate() {
        let mut before = 0;
        while before < EACH {
            eventually!(
                read(person).len() > before,
                "{n}: {before} are answered\n{}",
                gateway.log()
            );
            before = read(person).len();
        }
    }
    bot.is_idle().await;
    for (n, person) in people.iter().enumerate() {
        let expected: Vec<_> = (0..EACH).map(|k| k * PEOPLE + n).collect();
        assert_eq!(read(person), expected, "{n}");
    }
}

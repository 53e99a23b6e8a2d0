//! What the store promises, without a store: and how the same is asked of one.

use super::{Number, Op, SESSIONS, Said, What};
use crate::store::tests::{answer, finished, message, opened, outcome, session, user};
use crate::store::{Begun, CallState, Durability, OpenSession, Store, StoreError};
use ipc::id::{CallRef, InputId, ItemId, SessionId, SessionKey, TurnId};
use ipc::model::Usage;
use ipc::transcript::TranscriptItem;
use std::collections::BTreeMap;

#[derive(Debug, Clone, Default)]
pub(super) struct Model {
    lives: BTreeMap<SessionKey, Life>,
    inputs: Vec<Input>,
    replies: usize,
}

#[derive(Debug, Clone)]
struct Life {
    id: SessionId,
    items: Vec<TranscriptItem>,
    turns: u64,
    running: Option<Running>,
    calls: BTreeMap<(u64, u32), CallState>,
    usage: Usage,
    pinned: Option<String>,
}

#[derive(Debug, Clone, Default)]
struct Running {
    inputs: Vec<InputId>,
    model_calls: u32,
    tokens: u64,
}

#[derive(Debug, Clone)]
struct Input {
    key: u8,
    session: SessionKey,
    taken: bool,
    reply: Option<String>,
}

const USED: Usage = Usage {
    input: 10,
    output: 5,
    cached: 3,
};

impl Model {
    /// Opens every session; the ids of lives are the store's to choose.
    pub(super) async fn open(&mut self, store: &Store) {
        for name in SESSIONS {
            let key = session(name);
            let id = opened(store, &key).await.id;
            self.lives.entry(key).or_insert_with(|| Life {
                id,
                items: Vec::new(),
                turns: 0,
                running: None,
                calls: BTreeMap::new(),
                usage: Usage::default(),
                pinned: None,
            });
        }
    }

    pub(super) fn apply(&mut self, op: &Op) -> Said {
        match op {
            Op::Accept { key, session: of } => self.accept(*key, &session(SESSIONS[*of])),
            Op::BeginTurn {
                session: of,
                number,
            } => self.begin_turn(&session(SESSIONS[*of]), *number),
            Op::Append {
                session: of,
                what,
                number,
            } => self.append(&session(SESSIONS[*of]), *what, *number),
            Op::BeginCall { session: of, index } => self.begin_call(*of, *index),
            Op::EndCall { session: of, index } => self.end_call(*of, *index),
            Op::Finish { session: of, again } => self.finish(&session(SESSIONS[*of]), *again),
            Op::Reset { session: of } => self.reset(&session(SESSIONS[*of])),
            Op::Pin { session: of } => {
                self.life(*of).pinned = Some("mock/pinned".to_owned());
                Said::Done
            }
            Op::Reopen => Said::Done,
        }
    }

    fn life(&mut self, of: usize) -> &mut Life {
        self.lives.get_mut(&session(SESSIONS[of])).unwrap()
    }

    fn accept(&mut self, key: u8, session: &SessionKey) -> Said {
        let known = self.inputs.iter().position(|input| input.key == key);
        let at = known.unwrap_or_else(|| {
            self.inputs.push(Input {
                key,
                session: session.clone(),
                taken: false,
                reply: None,
            });
            self.inputs.len() - 1
        });
        Said::Accepted {
            input: InputId(at as u64 + 1),
            session: self.inputs[at].session.clone(),
            again: known.is_some(),
            reply: self.inputs[at].reply.clone(),
        }
    }

    fn waiting(&self, session: &SessionKey) -> Vec<InputId> {
        let of_session = |input: &Input| !input.taken && input.session == *session;
        (1_u64..)
            .zip(&self.inputs)
            .filter(|(_, input)| of_session(input))
            .map(|(id, _)| InputId(id))
            .collect()
    }

    fn take(&mut self, inputs: &[InputId]) {
        for input in inputs {
            self.inputs[input.0 as usize - 1].taken = true;
        }
    }

    fn begin_turn(&mut self, session: &SessionKey, number: Number) -> Said {
        let waiting = self.waiting(session);
        let life = self.lives.get_mut(session).unwrap();
        if life.running.is_some() || number != Number::Next {
            return Said::No;
        }
        life.turns += 1;
        life.items
            .extend(waiting.iter().map(|&input| user(input, "words")));
        life.running = Some(Running {
            inputs: waiting.clone(),
            ..Running::default()
        });
        self.take(&waiting);
        Said::Done
    }

    fn append(&mut self, session: &SessionKey, what: What, number: Number) -> Said {
        let waiting = self.waiting(session);
        let life = self.lives.get_mut(session).unwrap();
        let items = life.new_items(what, &waiting);
        let taken = life.takes(what, &waiting);
        if (number != Number::Next && !items.is_empty())
            || (!taken.is_empty() && life.running.is_none())
        {
            return Said::No;
        }
        life.items.extend(items);
        if matches!(what, What::Answer { .. }) {
            life.usage += USED;
        }
        if let Some(running) = &mut life.running {
            running.inputs.extend(&taken);
            if matches!(what, What::Answer { .. }) {
                running.model_calls += 1;
                running.tokens += USED.input + USED.output;
            }
        }
        self.take(&taken);
        Said::Done
    }

    fn begin_call(&mut self, of: usize, index: u32) -> Said {
        let life = self.life(of);
        let (Some(item), Some(_)) = (life.last_answer(), &life.running) else {
            return Said::No;
        };
        let fresh = !life.calls.contains_key(&(item.0, index));
        life.calls
            .entry((item.0, index))
            .or_insert(CallState::Begun);
        Said::Began(if fresh { Begun::Fresh } else { Begun::Again })
    }

    fn end_call(&mut self, of: usize, index: u32) -> Said {
        let life = self.life(of);
        let Some(item) = life.last_answer() else {
            return Said::No;
        };
        let ended = life.calls.insert((item.0, index), CallState::Ended);
        if ended == Some(CallState::Ended) {
            return Said::No;
        }
        life.items.push(outcome(CallRef { item, index }, "done"));
        Said::Done
    }

    fn finish(&mut self, session: &SessionKey, again: bool) -> Said {
        let life = self.lives.get_mut(session).unwrap();
        let Some(running) = life.running.take() else {
            return if again && life.turns > 0 {
                Said::Done
            } else {
                Said::No
            };
        };
        for input in &running.inputs {
            self.inputs[input.0 as usize - 1].reply = Some(reply_text(life.turns));
        }
        self.replies += 1;
        Said::Done
    }

    fn reset(&mut self, session: &SessionKey) -> Said {
        if self.lives[session].running.is_some() {
            return Said::No;
        }
        self.lives.remove(session);
        Said::Done
    }

    // === the same, by the store ===

    pub(super) async fn apply_to(&self, store: &Store, op: &Op) -> Said {
        match op {
            Op::Accept { key, session: of } => {
                let key = format!("key-{key}");
                let input = message(&key, &session(SESSIONS[*of]));
                let accepted = store.accept(input).await.unwrap();
                Said::Accepted {
                    input: accepted.input,
                    session: accepted.session,
                    again: accepted.again,
                    reply: accepted.reply.map(|reply| reply.text),
                }
            }
            Op::BeginTurn {
                session: of,
                number,
            } => {
                let key = session(SESSIONS[*of]);
                let (life, waiting) = (&self.lives[&key], self.waiting(&key));
                let items = waiting.iter().map(|&input| user(input, "words")).collect();
                let items = numbered(life, items, Number::Next);
                let turn = TurnId(number.after(life.turns));
                said(store.begin_turn(&life.id, turn, waiting, items).await)
            }
            Op::Append {
                session: of,
                what,
                number,
            } => {
                let key = session(SESSIONS[*of]);
                let (life, waiting) = (&self.lives[&key], self.waiting(&key));
                let items = numbered(life, life.new_items(*what, &waiting), *number);
                let usage =
                    matches!(what, What::Answer { .. }).then(|| ("mock/model".to_owned(), USED));
                let taken = life.takes(*what, &waiting);
                said(
                    store
                        .append(&life.id, TurnId(life.turns), items, taken, usage)
                        .await,
                )
            }
            Op::BeginCall { session: of, index } => {
                let life = &self.lives[&session(SESSIONS[*of])];
                let item = life.last_answer().unwrap_or(ItemId(99));
                let call = CallRef {
                    item,
                    index: *index,
                };
                let durability = Durability::Relaxed;
                let turn = TurnId(life.turns);
                store
                    .begin_call(&life.id, turn, call, "exec", durability)
                    .await
                    .map_or(Said::No, Said::Began)
            }
            Op::EndCall { session: of, index } => {
                let life = &self.lives[&session(SESSIONS[*of])];
                let item = life.last_answer().unwrap_or(ItemId(99));
                let call = CallRef {
                    item,
                    index: *index,
                };
                let ended = numbered(life, vec![outcome(call, "done")], Number::Next).remove(0);
                said(
                    store
                        .end_call(&life.id, TurnId(life.turns), call, ended)
                        .await,
                )
            }
            Op::Finish { session: of, again } => {
                let key = session(SESSIONS[*of]);
                let life = &self.lives[&key];
                let turn = if life.running.is_none() && !again {
                    life.turns + 1
                } else {
                    life.turns
                };
                let end = finished(InputId(1), &key, &reply_text(turn));
                said(store.finish_turn(&life.id, TurnId(turn), end).await)
            }
            Op::Reset { session: of } => said(store.reset(&session(SESSIONS[*of])).await),
            Op::Pin { session: of } => {
                let life = &self.lives[&session(SESSIONS[*of])];
                let model = Some("mock/pinned".to_owned());
                said(store.pin_model(&life.id, model).await)
            }
            Op::Reopen => Said::Done,
        }
    }

    pub(super) async fn check(&self, store: &Store) {
        for (key, life) in &self.lives {
            let open = opened(store, key).await;
            life.check(&open);
            assert_eq!(ids(&open), self.waiting(key));
            let context = store.load_context(&life.id).await.unwrap();
            assert_eq!(context, life.context());
            if let Some(item) = life.last_answer() {
                let states = store.calls_of(&life.id, item).await.unwrap();
                assert_eq!(states, life.calls_of(item));
            }
        }
        for (id, input) in (1..).zip(&self.inputs) {
            let reply = store.reply_to(InputId(id)).await.unwrap();
            assert!(reply.iter().all(|reply| reply.input == InputId(id)));
            assert_eq!(reply.map(|reply| reply.text), input.reply);
            let pending = store.pending_reply(InputId(id)).await.unwrap();
            assert_eq!(pending.is_some(), input.reply.is_some());
        }
        assert_eq!(store.pending().await.unwrap().len(), self.replies);
    }
}

impl Life {
    fn check(&self, open: &OpenSession) {
        assert_eq!(open.id, self.id);
        assert_eq!(open.next_item, ItemId(self.items.len() as u64 + 1));
        assert_eq!(open.next_turn, TurnId(self.turns + 1));
        assert_eq!(open.usage, self.usage);
        assert_eq!(open.model, self.pinned);
        let unfinished = open.unfinished.as_ref();
        assert_eq!(unfinished.is_some(), self.running.is_some());
        if let (Some(unfinished), Some(running)) = (unfinished, &self.running) {
            assert_eq!(unfinished.turn, TurnId(self.turns));
            assert_eq!(unfinished.inputs, running.inputs);
            let channel = if running.inputs.is_empty() { "" } else { "cli" };
            assert_eq!(unfinished.channel, channel);
            assert_eq!(unfinished.model_calls, running.model_calls);
            assert_eq!(unfinished.tokens, running.tokens);
        }
    }

    fn numbered(&self) -> Vec<(ItemId, TranscriptItem)> {
        (1..).map(ItemId).zip(self.items.iter().cloned()).collect()
    }

    fn last_answer(&self) -> Option<ItemId> {
        let is_answer = |item: &TranscriptItem| matches!(item, TranscriptItem::Answer { .. });
        let at = self.items.iter().rposition(is_answer)?;
        Some(ItemId(at as u64 + 1))
    }

    fn new_items(&self, what: What, waiting: &[InputId]) -> Vec<TranscriptItem> {
        match what {
            What::Answer { calls } => vec![answer("words", calls)],
            What::Steer => waiting.iter().map(|&input| user(input, "steer")).collect(),
            What::Note => vec![TranscriptItem::Note {
                text: "note".to_owned(),
            }],
            What::Summary => vec![TranscriptItem::Summary {
                through: ItemId(self.items.len() as u64 / 2),
                text: "so far".to_owned(),
            }],
        }
    }

    fn takes(&self, what: What, waiting: &[InputId]) -> Vec<InputId> {
        match what {
            What::Steer => waiting.to_vec(),
            What::Answer { .. } | What::Note | What::Summary => Vec::new(),
        }
    }

    fn context(&self) -> Vec<(ItemId, TranscriptItem)> {
        let covers = |item: &TranscriptItem| match item {
            TranscriptItem::Summary { through, .. } => Some(*through),
            TranscriptItem::User { .. }
            | TranscriptItem::Answer { .. }
            | TranscriptItem::Outcome { .. }
            | TranscriptItem::Note { .. } => None,
        };
        let all = self.numbered();
        let last = all
            .iter()
            .rfind(|(_, item)| covers(item).is_some())
            .cloned();
        let through = last
            .iter()
            .find_map(|(_, item)| covers(item))
            .unwrap_or_default();
        let rest = all
            .into_iter()
            .filter(|(id, item)| *id > through && covers(item).is_none());
        last.clone().into_iter().chain(rest).collect()
    }

    fn calls_of(&self, item: ItemId) -> Vec<(u32, CallState)> {
        let of_item = self.calls.iter().filter(|((of, _), _)| *of == item.0);
        of_item
            .map(|((_, index), state)| (*index, *state))
            .collect()
    }
}

impl Number {
    fn after(self, last: u64) -> u64 {
        match self {
            Self::Next => last + 1,
            Self::Same => last,
            Self::Skipping => last + 2,
        }
    }
}

fn numbered(
    life: &Life,
    items: Vec<TranscriptItem>,
    number: Number,
) -> Vec<(ItemId, TranscriptItem)> {
    let first = number.after(life.items.len() as u64);
    (first..).map(ItemId).zip(items).collect()
}

fn ids(open: &OpenSession) -> Vec<InputId> {
    open.waiting.iter().map(|input| input.id).collect()
}

fn said<T>(result: Result<T, StoreError>) -> Said {
    result.map_or(Said::No, |_| Said::Done)
}

fn reply_text(turn: u64) -> String {
    format!("reply of turn {turn}")
}

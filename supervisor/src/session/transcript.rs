//! A session's history: numbered here, stored before it is acted on, and kept in memory as far as
//! the model's context reaches.

use crate::model::{Context, RenderCache};
use crate::store::{Store, StoreError};
use ipc::id::{CallRef, InputId, ItemId, SessionId, TurnId};
use ipc::model::Usage;
use ipc::transcript::{ItemKind, ItemOutline, TranscriptItem};
use std::sync::Arc;

/// The history of one life of a session. The only writer of its items.
#[derive(Debug)]
pub(super) struct Transcript {
    store: Store,
    session: SessionId,
    next: ItemId,
    context: Context,
    /// Rendered requests of this context; lent to the model call that runs.
    pub(super) cache: RenderCache,
    /// Items the agent process has not been told of.
    unheard: Vec<ItemOutline>,
}

impl Transcript {
    /// Loads what is in the context of `session`.
    pub(super) async fn load(
        store: Store,
        session: SessionId,
        next: ItemId,
    ) -> Result<Self, StoreError> {
        let items = store.load_context(&session).await?;
        let items = items
            .into_iter()
            .map(|(id, item)| (id, Arc::new(item)))
            .collect();
        Ok(Self {
            store,
            session,
            next,
            context: Context {
                generation: 0,
                items,
            },
            cache: RenderCache::default(),
            unheard: Vec::new(),
        })
    }

    /// Which life of the session it is of.
    pub(super) fn session(&self) -> &SessionId {
        &self.session
    }

    /// What is in the model's context.
    pub(super) fn context(&self) -> &Context {
        &self.context
    }

    /// Whether an answer was the last thing said.
    pub(super) fn ends_with_answer(&self) -> bool {
        self.context
            .items
            .last()
            .is_some_and(|(_, item)| item.kind() == ItemKind::Answer)
    }

    /// Whether an item is in the model's context.
    pub(super) fn holds(&self, item: ItemId) -> bool {
        self.context.items.iter().any(|(id, _)| *id == item)
    }

    /// The outlines of the context; the agent is told of all of them with it.
    pub(super) fn outline(&mut self) -> Vec<ItemOutline> {
        self.unheard.clear();
        self.context
            .items
            .iter()
            .map(|(id, item)| item.outline(*id))
            .collect()
    }

    /// What the agent was not told of yet; it is with this.
    pub(super) fn take_unheard(&mut self) -> Vec<ItemOutline> {
        std::mem::take(&mut self.unheard)
    }

    /// Stores the beginning of a turn with its items.
    pub(super) async fn begin_turn(
        &mut self,
        turn: TurnId,
        inputs: Vec<InputId>,
        items: Vec<TranscriptItem>,
    ) -> Result<(), StoreError> {
        let items = self.number(items);
        self.store
            .begin_turn(&self.session, turn, inputs, items.clone())
            .await?;
        self.keep(items);
        Ok(())
    }

    /// Stores items; `taken` are the inputs among them that a running turn read.
    pub(super) async fn append(
        &mut self,
        turn: TurnId,
        items: Vec<TranscriptItem>,
        taken: Vec<InputId>,
        usage: Option<(String, Usage)>,
    ) -> Result<(), StoreError> {
        if items.is_empty() && taken.is_empty() && usage.is_none() {
            return Ok(());
        }
        let items = self.number(items);
        self.store
            .append(&self.session, turn, items.clone(), taken, usage)
            .await?;
        self.keep(items);
        Ok(())
    }

    /// Stores one item.
    pub(super) async fn append_one(
        &mut self,
        turn: TurnId,
        item: TranscriptItem,
        usage: Option<(String, Usage)>,
    ) -> Result<ItemOutline, StoreError> {
        let outline = item.outline(self.next);
        self.append(turn, vec![item], Vec::new(), usage).await?;
        Ok(outline)
    }

    /// Stores how a call ended, and its outcome item, in one step.
    pub(super) async fn end_call(
        &mut self,
        turn: TurnId,
        call: CallRef,
        item: TranscriptItem,
    ) -> Result<ItemOutline, StoreError> {
        let outline = item.outline(self.next);
        let numbered = self.number(vec![item]);
        if let Some(first) = numbered.first() {
            self.store
                .end_call(&self.session, turn, call, first.clone())
                .await?;
        }
        self.keep(numbered);
        Ok(outline)
    }

    /// The agent is told of an item by the reply it waits for.
    pub(super) fn heard(&mut self, item: ItemId) {
        self.unheard.retain(|unheard| unheard.id != item);
    }

    fn number(&self, items: Vec<TranscriptItem>) -> Vec<(ItemId, TranscriptItem)> {
        (self.next.0..).map(ItemId).zip(items).collect()
    }

    /// What was stored becomes part of the context.
    fn keep(&mut self, items: Vec<(ItemId, TranscriptItem)>) {
        for (id, item) in items {
            self.next = id.next();
            self.unheard.push(item.outline(id));
            if let TranscriptItem::Summary { through, .. } = &item {
                let through = *through;
                self.context
                    .items
                    .retain(|(old, kept)| *old > through && kept.kind() != ItemKind::Summary);
                self.context.items.insert(0, (id, Arc::new(item)));
                self.context.generation += 1;
            } else {
                self.context.items.push((id, Arc::new(item)));
            }
        }
    }
}

//! Finds a model server on this machine where none is configured.

use super::catalog;
use super::http::{self, Http};
use crate::config::{Config, ModelRef};
use serde::Deserialize;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Longest a search takes in all.
const SEARCH: Duration = Duration::from_millis(300);
/// How long what was found, or that nothing was, is believed.
const BELIEVED: Duration = Duration::from_secs(30);
/// Switches the search off.
const SWITCH: &str = "OPENCLAW_LOCAL_DISCOVERY";

/// A model that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Local {
    pub(super) name: ModelRef,
    /// Its context in tokens, where the server says.
    pub(super) window: Option<u32>,
}

/// What was found last, and when.
#[derive(Debug)]
pub(super) struct Discovery {
    on: bool,
    servers: Vec<(String, String)>,
    last: Mutex<Option<(Instant, Option<Local>)>>,
}

impl Discovery {
    pub(super) fn new(config: &Config) -> Self {
        let off = ["off", "0", "false", "no"];
        let switch = config
            .env
            .get(SWITCH)
            .unwrap_or_default()
            .to_ascii_lowercase();
        let servers = catalog::known()
            .iter()
            // A provider that was configured is the person's business.
            .filter(|known| known.local && !config.providers.contains_key(known.id))
            .map(|known| (known.id.to_owned(), known.base_url.to_owned()));
        Self {
            on: !off.contains(&switch.as_str()),
            servers: servers.collect(),
            last: Mutex::default(),
        }
    }

    /// What was found last, without looking.
    pub(super) fn known(&self) -> Option<Local> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.as_ref().and_then(|(_, found)| found.clone())
    }

    /// The first server's first model, by the order of the catalogue.
    pub(super) async fn find(&self, http: &Http) -> Option<Local> {
        if !self.on {
            return None;
        }
        let last = self
            .last
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some((at, found)) = last
            && at.elapsed() < BELIEVED
        {
            return found;
        }
        let found = self.search_in(http, &self.servers).await;
        if let Some(local) = &found {
            tracing::info!(
                "no model is configured; using {} found on this machine",
                local.name
            );
        }
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        *last = Some((Instant::now(), found.clone()));
        found
    }

    /// Asks all at once; the first in the list that answers well.
    pub(super) async fn search_in(
        &self,
        http: &Http,
        servers: &[(String, String)],
    ) -> Option<Local> {
        let probe = |(id, base): &'_ (String, String)| {
            let asking = ask(http, id.clone(), base.clone());
            async move { tokio::time::timeout(SEARCH, asking).await.ok().flatten() }
        };
        let found = futures_util::future::join_all(servers.iter().map(probe));
        found.await.into_iter().flatten().next()
    }
}

#[derive(Deserialize)]
struct Listing {
    data: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    id: String,
    /// vLLM.
    max_model_len: Option<u32>,
    meta: Option<Meta>,
}

/// llama.cpp.
#[derive(Deserialize)]
struct Meta {
    n_ctx: Option<u32>,
}

/// What a server says of its models, if it is one.
async fn ask(http: &Http, id: String, base: String) -> Option<Local> {
    let url = http::url(&base, "/models").ok()?;
    let response = http.client(&url).ok()?.get(url).send().await.ok()?;
    if !response.status().is_success() {
        return None;
    }
    let listing: Listing = serde_json::from_slice(&http::bounded_body(response).await).ok()?;
    let talks = |listed: &Listed| !listed.id.to_ascii_lowercase().contains("embed");
    let first = listing.data.into_iter().find(talks)?;
    Some(Local {
        window: first
            .max_model_len
            .or(first.meta.and_then(|meta| meta.n_ctx)),
        name: ModelRef {
            provider: id,
            model: first.id,
        },
    })
}

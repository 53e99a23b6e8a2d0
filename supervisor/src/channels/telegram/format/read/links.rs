//! Links and images.

use super::super::link;
use super::{OpenLink, Reader};
use pulldown_cmark::{CowStr, LinkType};

impl Reader<'_> {
    pub(super) fn start_link(
        &mut self,
        kind: LinkType,
        address: &CowStr<'_>,
        definition: Option<usize>,
        nameless: &str,
    ) {
        let is_link = link::is_link(address);
        let inside = self.links.iter().any(|link| link.target.is_some());
        let target = (is_link && !inside).then(|| self.target(address, definition));
        // What a definition says is said once, where it stands.
        let says_it = !is_link && definition.is_none() && kind != LinkType::Email;
        let (open, close) = match kind {
            LinkType::Shortcut | LinkType::ShortcutUnknown => ("[", "]"),
            LinkType::Inline
            | LinkType::Reference
            | LinkType::ReferenceUnknown
            | LinkType::Collapsed
            | LinkType::CollapsedUnknown
            | LinkType::Autolink
            | LinkType::Email
            | LinkType::WikiLink { .. } => ("", ""),
        };
        self.links.push(OpenLink {
            target,
            address: says_it.then(|| address.to_string()),
            close,
            at: 0,
            instead: nameless.to_owned(),
        });
        self.words(open);
        let at = self.layout.text().len();
        if let Some(link) = self.links.last_mut() {
            link.at = at;
        }
    }

    /// A link's target; those with a definition share it, however many they are.
    pub(super) fn target(&mut self, address: &str, definition: Option<usize>) -> u32 {
        let Some(at) = definition else {
            return self.targets.keep(address);
        };
        self.used.insert(at);
        let new = || self.targets.keep(address);
        *self.defined.entry(at).or_insert_with(new)
    }

    pub(super) fn end_link(&mut self) {
        let Some(link) = self.links.last() else {
            return;
        };
        let (close, at) = (link.close, link.at);
        if self.layout.text().len() == at {
            let instead = link.instead.clone();
            self.words(&instead);
        }
        self.words(close);
        let Some(link) = self.links.pop() else {
            return;
        };
        let label = &self.layout.text()[at.min(self.layout.text().len())..];
        if let Some(said) = link.address.and_then(|address| link::said(&address, label)) {
            self.words(&said);
        }
    }
}

//! What a client that knows the rules never does. The server bears it; the test does not.

/// Complaints, and what is borne.
#[derive(Debug, Default)]
pub(super) struct Manners {
    complaints: Vec<String>,
    excused: Vec<String>,
    /// The client died, or an answer was lost: what it does twice now is no fault of its own.
    pub(super) is_shaken: bool,
}

impl Manners {
    pub(super) fn complain(&mut self, what: String) {
        self.complaints.push(what);
    }

    /// Of something that happens to the best after a crash.
    pub(super) fn complain_unless_shaken(&mut self, what: String) {
        if !self.is_shaken {
            self.complain(what);
        }
    }

    /// Bears whatever has these words in it.
    pub(super) fn excuse(&mut self, words: &str) {
        self.excused.push(words.to_owned());
    }

    /// What was found so far; forgets it.
    pub(super) fn take(&mut self) -> Vec<String> {
        let excused = |what: &String| self.excused.iter().any(|words| what.contains(words));
        let mut complaints = std::mem::take(&mut self.complaints);
        complaints.retain(|what| !excused(what));
        complaints
    }
}

//! Prometheus' text form.

use std::fmt::{Display, Write as _};

/// What the text is.
pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What a figure may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Only grow.
    Counter,
    /// Go up and down.
    Gauge,
    /// A sum and how many it is of.
    Summary,
}

/// A page of figures.
#[derive(Debug, Default)]
pub(super) struct Figures {
    text: String,
}

impl Figures {
    /// What follows are the samples of a figure: its name without our prefix, and what it is.
    pub(super) fn family(&mut self, name: &str, kind: Kind, about: &str) {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Summary => "summary",
        };
        self.write(format_args!(
            "# HELP openclaw_{name} {about}\n# TYPE openclaw_{name} {kind}\n"
        ));
    }

    /// A sample with one label.
    pub(super) fn labelled(&mut self, name: &str, label: &str, is: &str, value: impl Display) {
        self.labels(name, &[(label, is)], value);
    }

    /// A sample with several labels.
    pub(super) fn labels(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.write(format_args!("openclaw_{name}{{"));
        for (i, (label, is)) in labels.iter().enumerate() {
            let comma = if i > 0 { "," } else { "" };
            self.write(format_args!("{comma}{label}=\"{}\"", escaped(is)));
        }
        self.write(format_args!("}} {value}\n"));
    }

    /// A sample without labels.
    pub(super) fn sample(&mut self, name: &str, value: impl Display) {
        self.write(format_args!("openclaw_{name} {value}\n"));
    }

    /// A figure of one sample.
    pub(super) fn one(&mut self, name: &str, kind: Kind, about: &str, value: impl Display) {
        self.family(name, kind, about);
        self.sample(name, value);
    }

    /// A figure with a sample for each value of a label.
    pub(super) fn each<'a>(
        &mut self,
        (name, kind, about): (&str, Kind, &str),
        label: &str,
        samples: impl IntoIterator<Item = (&'a str, u64)>,
    ) {
        self.family(name, kind, about);
        for (is, value) in samples {
            self.labelled(name, label, is, value);
        }
    }

    /// The page.
    pub(super) fn finish(self) -> String {
        self.text
    }

    fn write(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing to a string does not fail.
        let _ = self.text.write_fmt(text);
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_told_with_what_it_is() {
        let mut figures = Figures::default();
        figures.one("up", Kind::Gauge, "Whether it runs.", 1);
        figures.each(
            ("turns_total", Kind::Counter, "Turns."),
            "outcome",
            [("a\"b\\\n", 2)],
        );
        assert_eq!(
            figures.finish(),
            "# HELP openclaw_up Whether it runs.\n# TYPE openclaw_up gauge\nopenclaw_up 1\n\
             # HELP openclaw_turns_total Turns.\n# TYPE openclaw_turns_total counter\n\
             openclaw_turns_total{outcome=\"a\\\"b\\\\\\n\"} 2\n"
        );
    }
}

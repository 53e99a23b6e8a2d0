//! Programs allowed without an entry in the allow-list, as long as they do nothing but filter their
//! standard input: no file operand, and only options that are listed here.

use super::shell::Word;

/// What one such program may be told.
#[derive(Debug)]
pub(super) struct SafeBin {
    /// Its file name.
    pub(super) name: &'static str,
    /// One-letter options without a value.
    flags: &'static str,
    /// One-letter options with one.
    valued: &'static str,
    /// Long options without a value. Abbreviations are refused: `--files0` would be one.
    long: &'static [&'static str],
    /// Long options and how many values they take.
    long_valued: &'static [(&'static str, usize)],
    /// How many operands it takes that are no files, at most.
    operands: usize,
    /// Whether `-5` is an option.
    counts: bool,
    /// Words that may not stand in its first operand, a program text.
    forbidden: &'static [&'static str],
}

const NONE: SafeBin = SafeBin {
    name: "",
    flags: "",
    valued: "",
    long: &[],
    long_valued: &[],
    operands: 0,
    counts: false,
    forbidden: &[],
};

const SAFE_BINS: [SafeBin; 7] = [
    SafeBin {
        name: "jq",
        flags: "acCejMnrRsS",
        long: &[
            "--ascii-output",
            "--color-output",
            "--compact-output",
            "--exit-status",
            "--join-output",
            "--monochrome-output",
            "--null-input",
            "--raw-input",
            "--raw-output",
            "--slurp",
            "--sort-keys",
            "--tab",
        ],
        long_valued: &[("--arg", 2), ("--argjson", 2), ("--indent", 1)],
        operands: 1,
        // They read files and the environment.
        forbidden: &[
            "import",
            "include",
            "env",
            "ENV",
            "input_filename",
            "get_search_list",
        ],
        ..NONE
    },
    SafeBin {
        name: "cut",
        flags: "nsz",
        valued: "bcdf",
        long: &["--complement", "--only-delimited", "--zero-terminated"],
        long_valued: &[
            ("--bytes", 1),
            ("--characters", 1),
            ("--delimiter", 1),
            ("--fields", 1),
            ("--output-delimiter", 1),
        ],
        ..NONE
    },
    SafeBin {
        name: "uniq",
        flags: "cdDiuz",
        valued: "fsw",
        long: &[
            "--count",
            "--ignore-case",
            "--repeated",
            "--unique",
            "--zero-terminated",
        ],
        long_valued: &[
            ("--check-chars", 1),
            ("--skip-chars", 1),
            ("--skip-fields", 1),
        ],
        ..NONE
    },
    SafeBin {
        name: "head",
        flags: "qvz",
        valued: "cn",
        long: &["--quiet", "--silent", "--verbose", "--zero-terminated"],
        long_valued: &[("--bytes", 1), ("--lines", 1)],
        counts: true,
        ..NONE
    },
    SafeBin {
        name: "tail",
        flags: "qvz",
        valued: "cn",
        long: &["--quiet", "--silent", "--verbose", "--zero-terminated"],
        long_valued: &[("--bytes", 1), ("--lines", 1)],
        counts: true,
        ..NONE
    },
    SafeBin {
        name: "tr",
        flags: "cCdst",
        long: &[
            "--complement",
            "--delete",
            "--squeeze-repeats",
            "--truncate-set1",
        ],
        operands: 2,
        ..NONE
    },
    SafeBin {
        name: "wc",
        flags: "clLmw",
        long: &[
            "--bytes",
            "--chars",
            "--lines",
            "--max-line-length",
            "--words",
        ],
        ..NONE
    },
];

/// What is known of the program of that name.
pub(super) fn known(name: &str) -> Option<&'static SafeBin> {
    SAFE_BINS.iter().find(|bin| bin.name == name)
}

/// All names that are known.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    SAFE_BINS.iter().map(|bin| bin.name)
}

impl SafeBin {
    /// The first argument that makes the call more than a filter; `args` leaves the program's own
    /// name out.
    pub(super) fn objection<'a>(&self, args: &'a [Word]) -> Option<&'a str> {
        let mut operands = Vec::new();
        let mut options = true;
        let mut i = 0;
        while let Some(word) = args.get(i) {
            let text = word.text.as_str();
            if !word.fixed {
                return Some(text);
            } else if options && text == "--" {
                options = false;
            } else if options && text.len() > 1 && text.starts_with('-') {
                match self.values(text) {
                    // A value that is missing is the program's to complain of.
                    Some(count) => i += count,
                    None => return Some(text),
                }
            } else if text != "-" {
                operands.push(text);
            }
            i += 1;
        }
        operands
            .get(self.operands)
            .copied()
            .or_else(|| operands.into_iter().find(|text| self.is_forbidden(text)))
            .or_else(|| {
                args.iter()
                    .find(|word| !word.fixed)
                    .map(|word| word.text.as_str())
            })
    }

    /// How many of the following words an option takes; `None` where it is not known.
    fn values(&self, text: &str) -> Option<usize> {
        if text.starts_with("--") {
            return self.long_values(text);
        }
        let letters = &text[1..];
        if self.counts && letters.bytes().all(|b| b.is_ascii_digit()) {
            return Some(0);
        }
        for (at, letter) in letters.char_indices() {
            if self.valued.contains(letter) {
                let last = at + letter.len_utf8() == letters.len();
                return Some(usize::from(last));
            }
            if !self.flags.contains(letter) {
                return None;
            }
        }
        Some(0)
    }

    fn long_values(&self, text: &str) -> Option<usize> {
        if self.long.contains(&text) {
            return Some(0);
        }
        let (name, attached) = match text.split_once('=') {
            Some((name, _)) => (name, 1),
            None => (text, 0),
        };
        let (_, count) = self.long_valued.iter().find(|(long, _)| *long == name)?;
        Some(count.saturating_sub(attached))
    }

    fn is_forbidden(&self, text: &str) -> bool {
        text.split(|c: char| c != '_' && !c.is_ascii_alphanumeric())
            .any(|word| self.forbidden.contains(&word))
    }
}

#[cfg(test)]
mod tests {
    use super::super::shell;
    use super::*;

    fn objection(command: &str) -> Option<String> {
        let steps = shell::read(command).unwrap();
        let (program, args) = steps[0].words.split_first().unwrap();
        known(&program.text)
            .unwrap()
            .objection(args)
            .map(str::to_owned)
    }

    #[test]
    fn filters_of_standard_input_pass() {
        for command in [
            "jq .",
            "jq -rc '.items[] | .name'",
            "jq --arg a b --indent 2 '$a'",
            "cut -d: -f1,3",
            "cut -d ' ' -f 1",
            "cut --fields=2 --delimiter , -",
            "uniq -c",
            "uniq -f2 -ci",
            "head -5",
            "head -n 5 -q",
            "tail -n5",
            "tail --lines=5",
            "tr a-z A-Z",
            "tr -d '\\n'",
            "wc -l",
            "wc",
        ] {
            assert_eq!(objection(command), None, "{command}");
        }
    }

    #[test]
    fn files_and_unknown_options_do_not() {
        for (command, word) in [
            ("jq . data.json", "data.json"),
            ("jq -f prog", "-f"),
            ("jq -rf prog", "-rf"),
            ("jq --rawfile a b .", "--rawfile"),
            ("jq -L x .", "-L"),
            ("jq env", "env"),
            ("jq '$ENV.HOME'", "$ENV.HOME"),
            ("jq 'import \"a\" as a; .'", "import \"a\" as a; ."),
            ("cut -f1 /etc/passwd", "/etc/passwd"),
            ("cut -f1 -- -x", "-x"),
            ("uniq in out", "in"),
            ("head /etc/passwd", "/etc/passwd"),
            ("head -n1 a", "a"),
            ("tail -f", "-f"),
            ("tail -5f", "-5f"),
            ("tail --pid=1", "--pid=1"),
            ("tr a b c", "c"),
            ("wc --files0-from=x", "--files0-from=x"),
            ("wc --files0=x", "--files0=x"),
            ("wc $x", "$x"),
            ("wc *", "*"),
            ("head -n $x", "$x"),
        ] {
            assert_eq!(objection(command).as_deref(), Some(word), "{command}");
        }
    }
}

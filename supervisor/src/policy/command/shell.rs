//! Reads a shell command just far enough to name every program it starts.
//!
//! Understands words, quotes, pipes, `;`, `&&`, `||` and lines. Whatever could start a program that
//! is not named in plain sight (a substitution, a group, a redirection into a file that is run
//! later) is refused, and so is what different shells read differently.

use std::iter::Peekable;
use std::str::Chars;

/// One program and its arguments, with the assignments before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    /// Never empty.
    pub(super) words: Vec<Word>,
}

/// One word of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// As the program sees it, where it is `fixed`.
    pub(super) text: String,
    /// Whether the shell leaves it as it stands: no variable, pattern, brace or tilde in it.
    pub(super) fixed: bool,
    /// How many bytes stand before its first quote or escape; `None` where it has none.
    bare: Option<usize>,
}

/// What makes a command impossible to check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(in crate::policy) enum Unclear {
    /// `>`, `<`, `|&`.
    #[error("it redirects; use the write and read tools for files, and pipes between programs")]
    Redirection,
    /// `$(…)`, backticks, `$[…]`.
    #[error("it has a substitution; run the inner command first, and use what it printed")]
    Substitution,
    /// `${…}` that does more than name a variable.
    #[error("it has a ${{…}} that does more than name a variable")]
    Expansion,
    /// `$'…'`, `$"…"`.
    #[error("it has $'…' or $\"…\"; use plain quotes")]
    DollarQuote,
    /// `( … )`.
    #[error("it has parentheses outside quotes; put commands in one line after another instead")]
    Group,
    /// `&`.
    #[error("it puts a command in the background with &; use background: true instead")]
    Background,
    /// `#`.
    #[error("it has a comment; leave it out")]
    Comment,
    /// A backslash at the end of a line: shells join lines at different moments.
    #[error("a backslash joins two lines in it; write the command in one line")]
    JoinedLines,
    /// A quote or escape that does not end.
    #[error("a quote or backslash in it is not finished")]
    Unfinished,
    /// `a && ; b`.
    #[error("a command is missing beside ;, |, && or ||")]
    Missing,
    /// Control characters, and white space that is not ASCII.
    #[error("it has a control character or an unusual space outside quotes")]
    OddCharacter,
}

/// The steps of `command`, in order; at least one.
pub(super) fn read(command: &str) -> Result<Vec<Step>, Unclear> {
    let mut reader = Reader {
        rest: command.chars().peekable(),
        steps: Vec::new(),
        words: Vec::new(),
        word: None,
        dangling: true,
    };
    while let Some(c) = reader.rest.next() {
        reader.take(c)?;
    }
    reader.end_step()?;
    if reader.dangling {
        return Err(Unclear::Missing);
    }
    Ok(reader.steps)
}

impl Word {
    /// Name and value, where the shell takes the word for an assignment.
    pub(super) fn assignment(&self) -> Option<(&str, &str)> {
        let (name, value) = self.text.split_once('=')?;
        let plain = is_name(name) && self.bare.is_none_or(|bare| name.len() < bare);
        plain.then_some((name, value))
    }
}

struct Reader<'a> {
    rest: Peekable<Chars<'a>>,
    steps: Vec<Step>,
    words: Vec<Word>,
    word: Option<Word>,
    /// Whether a command must follow what was read so far.
    dangling: bool,
}

impl Reader<'_> {
    fn take(&mut self, c: char) -> Result<(), Unclear> {
        match c {
            ' ' | '\t' => self.end_word(),
            '\n' => self.end_step()?,
            ';' => self.separate(false)?,
            '&' if self.next_is('&') => self.separate(true)?,
            '&' if self.rest.peek() == Some(&'>') => return Err(Unclear::Redirection),
            '&' => return Err(Unclear::Background),
            '|' if self.rest.peek() == Some(&'&') => return Err(Unclear::Redirection),
            '|' => {
                self.next_is('|');
                self.separate(true)?;
            }
            '<' | '>' => return Err(Unclear::Redirection),
            '(' | ')' => return Err(Unclear::Group),
            '`' => return Err(Unclear::Substitution),
            '#' if self.word.is_none() => return Err(Unclear::Comment),
            '\'' => self.single_quoted()?,
            '"' => self.double_quoted()?,
            '\\' => self.escaped()?,
            '$' => self.dollar(true)?,
            '*' | '?' | '[' | ']' | '{' | '}' | '~' => {
                self.push(c);
                self.unfix();
            }
            c if c.is_control() || c.is_whitespace() => return Err(Unclear::OddCharacter),
            c => self.push(c),
        }
        Ok(())
    }

    fn next_is(&mut self, wanted: char) -> bool {
        self.rest.next_if_eq(&wanted).is_some()
    }

    fn word(&mut self) -> &mut Word {
        self.word.get_or_insert_with(|| Word {
            text: String::new(),
            fixed: true,
            bare: None,
        })
    }

    fn push(&mut self, c: char) {
        self.word().text.push(c);
    }

    fn quote(&mut self) {
        let word = self.word();
        word.bare = word.bare.or(Some(word.text.len()));
    }

    fn unfix(&mut self) {
        self.word().fixed = false;
    }

    fn end_word(&mut self) {
        self.words.extend(self.word.take());
    }

    /// A line may be empty, and a command may go on after `&&` on the next one.
    fn end_step(&mut self) -> Result<(), Unclear> {
        self.end_word();
        if !self.words.is_empty() {
            let words = std::mem::take(&mut self.words);
            self.steps.push(Step { words });
            self.dangling = false;
        }
        Ok(())
    }

    fn separate(&mut self, dangling: bool) -> Result<(), Unclear> {
        let before = self.steps.len();
        self.end_step()?;
        if self.steps.len() == before {
            return Err(Unclear::Missing);
        }
        self.dangling = dangling;
        Ok(())
    }

    fn single_quoted(&mut self) -> Result<(), Unclear> {
        self.quote();
        loop {
            match self.rest.next().ok_or(Unclear::Unfinished)? {
                '\'' => return Ok(()),
                c => self.push(c),
            }
        }
    }

    fn double_quoted(&mut self) -> Result<(), Unclear> {
        self.quote();
        loop {
            match self.rest.next().ok_or(Unclear::Unfinished)? {
                '"' => return Ok(()),
                '`' => return Err(Unclear::Substitution),
                '$' => self.dollar(false)?,
                '\\' => match self.rest.next().ok_or(Unclear::Unfinished)? {
                    '\n' => return Err(Unclear::JoinedLines),
                    c @ ('$' | '`' | '"' | '\\') => self.push(c),
                    c => {
                        self.push('\\');
                        self.push(c);
                    }
                },
                c => self.push(c),
            }
        }
    }

    fn escaped(&mut self) -> Result<(), Unclear> {
        match self.rest.next().ok_or(Unclear::Unfinished)? {
            '\n' => Err(Unclear::JoinedLines),
            c => {
                self.quote();
                self.push(c);
                Ok(())
            }
        }
    }

    /// After a `$`: a variable unfixes the word, anything that runs or rewrites is refused.
    fn dollar(&mut self, bare: bool) -> Result<(), Unclear> {
        self.push('$');
        match self.rest.peek().copied() {
            Some('(' | '[') => Err(Unclear::Substitution),
            Some('{') => self.braced(),
            Some('\'' | '"') if bare => Err(Unclear::DollarQuote),
            Some(c) if c == '_' || c.is_ascii_alphanumeric() || "@*#?-$!".contains(c) => {
                // Taken here, so that `$#` begins no comment and `$$(` hides no substitution.
                self.rest.next();
                self.push(c);
                self.unfix();
                Ok(())
            }
            Some(_) | None => Ok(()),
        }
    }

    fn braced(&mut self) -> Result<(), Unclear> {
        self.rest.next();
        let mut name = String::new();
        loop {
            match self.rest.next().ok_or(Unclear::Unfinished)? {
                '}' => break,
                c => name.push(c),
            }
        }
        if !is_name(&name) {
            return Err(Unclear::Expansion);
        }
        self.word().text.push_str(&name);
        self.unfix();
        Ok(())
    }
}

fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars
        .next()
        .is_some_and(|c| c == '_' || c.is_ascii_alphabetic())
        && chars.all(|c| c == '_' || c.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The words of each step; `?` in front of those that are not fixed.
    fn words(command: &str) -> Vec<Vec<String>> {
        let shown = |w: &Word| format!("{}{}", if w.fixed { "" } else { "?" }, w.text);
        let steps = read(command).unwrap_or_else(|e| panic!("{command}: {e}"));
        steps
            .iter()
            .map(|step| step.words.iter().map(shown).collect())
            .collect()
    }

    #[test]
    fn every_command_of_a_line_is_a_step() {
        let steps = words("a 1 | b 2 || c && d ; e\n\nf;");
        let programs: Vec<&str> = steps.iter().map(|words| words[0].as_str()).collect();
        assert_eq!(programs, ["a", "b", "c", "d", "e", "f"]);
        assert_eq!(words("a &&\n\n b").len(), 2);
        assert_eq!(words("a|b").len(), 2);
    }

    #[test]
    fn quotes_hide_what_they_hold_and_nothing_else() {
        assert_eq!(
            words("a 'b; c' \"d | e\" f\\;g"),
            [["a", "b; c", "d | e", "f;g"]]
        );
        assert_eq!(words("'a'b\"c\" ''"), [["abc", ""]]);
        assert_eq!(words(r#"a "\"\$x\q""#), [["a", r#""$x\q"#]]);
        assert_eq!(words("a '\\\n'"), [["a", "\\\n"]]);
        assert_eq!(words("a'#'b c#d"), [["a#b", "c#d"]]);
    }

    #[test]
    fn what_the_shell_rewrites_is_not_fixed() {
        let words = words("a $x \"${y}\" *.c {b,c} ~/d '$z' \\* $#");
        assert_eq!(
            words,
            [[
                "a", "?$x", "?$y", "?*.c", "?{b,c}", "?~/d", "$z", "*", "?$#"
            ]]
        );
    }

    #[test]
    fn only_a_bare_name_assigns() {
        let assigns = |text: &str| read(text).unwrap()[0].words[0].assignment().is_some();
        assert!(assigns("A=1 b") && assigns("_a1='x y' b"));
        for text in [
            "'A'=1 b", "A\\=1 b", "1A=1 b", "A-B=1 b", "=1 b", "A+=1 b", "'A=1' b", "''A=1 b",
        ] {
            assert!(!assigns(text), "{text}");
        }
    }

    #[test]
    fn what_can_not_be_checked_is_refused() {
        use Unclear as U;
        let table: &[(&str, Unclear)] = &[
            ("a > b", U::Redirection),
            ("a 2>&1", U::Redirection),
            ("a &> b", U::Redirection),
            ("a < b", U::Redirection),
            ("a << EOF\nb\nEOF", U::Redirection),
            ("a |& b", U::Redirection),
            ("diff <(a) b", U::Redirection),
            ("a $(b)", U::Substitution),
            ("a \"$(b)\"", U::Substitution),
            ("a `b`", U::Substitution),
            ("a \"`b`\"", U::Substitution),
            ("a $[1]", U::Substitution),
            ("a $$$(b)", U::Substitution),
            ("a ${x:-b}", U::Expansion),
            ("a ${x@P}", U::Expansion),
            ("a ${!x}", U::Expansion),
            ("a ${}", U::Expansion),
            ("a $'b'", U::DollarQuote),
            ("a $\"b\"", U::DollarQuote),
            ("(a)", U::Group),
            ("f() { a; }", U::Group),
            ("a=(b)", U::Group),
            ("a & b", U::Background),
            ("a &", U::Background),
            ("a # b", U::Comment),
            ("#a", U::Comment),
            ("a \\\nb", U::JoinedLines),
            ("a \"$\\\n(b)\"", U::JoinedLines),
            ("a 'b", U::Unfinished),
            ("a \"b", U::Unfinished),
            ("a \\", U::Unfinished),
            ("a ${b", U::Unfinished),
            ("a && ; b", U::Missing),
            ("; a", U::Missing),
            ("a ;; b", U::Missing),
            ("a &&", U::Missing),
            ("a |", U::Missing),
            ("", U::Missing),
            (" \n", U::Missing),
            ("a\r\nb", U::OddCharacter),
            ("a\u{a0}b", U::OddCharacter),
            ("a\u{7}", U::OddCharacter),
        ];
        for (command, reason) in table {
            assert_eq!(read(command), Err(*reason), "{command}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[ -~\n\u{a0}é]{0,60}") {
            if let Ok(steps) = read(&text) {
                prop_assert!(!steps.is_empty());
                prop_assert!(steps.iter().all(|step| !step.words.is_empty()));
            }
        }

        #[test]
        fn a_quoted_word_comes_out_as_it_went_in(text in "\\PC{0,40}") {
            let command = format!("a '{}'", text.replace('\'', r"'\''"));
            let steps = read(&command).unwrap();
            prop_assert_eq!(&steps[0].words[1].text, &text);
            prop_assert!(steps[0].words[1].fixed);
        }
    }
}

//! The parser's events, told to the layout one after the other.

use super::code::{CodeFile, file_name, is_long, language};
use super::inline_html::{self, Found, Known};
use super::layout::{Gap, Layout};
use super::styled::{Inner, Style, Targets};
use super::table::Table;
use super::{Page, Reading, link, source, spoiler};
use pulldown_cmark::{BlockQuoteKind, CodeBlockKind, CowStr, Event, LinkType, Parser, Tag, TagEnd};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;

/// What a rule across the page looks like.
const RULE: &str = "──────────";
/// Longest line that "---" under it makes a heading, in bytes. Models put a rule under paragraphs.
const MAX_UNDERLINED: usize = 80;

/// Reads a source that was cleaned.
pub(super) fn read(text: &str, reading: Reading) -> Page {
    let mut reader = Reader::new(text, reading);
    let mut events = Parser::new_ext(text, source::dialect()).into_offset_iter();
    while let Some((event, range)) = events.next() {
        let mut definition = None;
        if let Event::Start(Tag::Link { id, .. } | Tag::Image { id, .. }) = &event {
            let found = events.reference_definitions().get(id);
            definition = found.map(|definition| definition.span.start);
        }
        reader.event(event, range, definition);
    }
    // What leads nowhere is still something that was said.
    let definitions = events.reference_definitions().iter();
    let spans: BTreeMap<usize, Range<usize>> = definitions
        .map(|(_, definition)| (definition.span.start, definition.span.clone()))
        .collect();
    for (at, span) in spans {
        if !reader.used.contains(&at) {
            reader.layout.block(reader.gap_before(at));
            reader.layout.words(text[span].trim(), Style::default());
        }
    }
    Page {
        styled: reader.layout.finish(),
        targets: reader.targets,
        files: reader.files,
    }
}

/// What is known between two events.
struct Reader<'a> {
    source: &'a str,
    reading: Reading,
    layout: Layout,
    targets: Targets,
    files: Vec<CodeFile>,
    /// Levels of each, for what is bold in what is bold.
    bold: usize,
    italic: usize,
    strike: usize,
    underline: usize,
    key: usize,
    spoiler: bool,
    /// Letters of a small row.
    small: Option<Known>,
    /// Where the bars of spoilers are.
    bars: std::vec::IntoIter<usize>,
    next_bar: Option<usize>,
    /// Lists that are open: the number of the next item, or none.
    lists: Vec<Option<u64>>,
    links: Vec<OpenLink>,
    /// Links by the definition they name, and those of them that were followed.
    defined: HashMap<usize, u32>,
    used: HashSet<usize>,
    table: Option<Table>,
    /// Where the last cell ended.
    cell_end: usize,
    code: Option<OpenCode>,
    heading: Option<Heading>,
    /// Whether a heading has just ended: what it is about follows at once.
    after_heading: bool,
}

/// A link whose label is being read.
struct OpenLink {
    target: Option<u32>,
    /// Said behind the label.
    address: Option<String>,
    /// What the label is closed with.
    close: &'static str,
    /// Where the label begins.
    at: usize,
    /// What stands for a label that is empty.
    instead: String,
}

/// A block of code being read.
struct OpenCode {
    info: String,
    body: String,
    gap: Gap,
}

/// What a heading is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heading {
    /// One.
    Real,
    /// A paragraph with a rule under it.
    Ruled,
}

// === impl Reader ===

impl<'a> Reader<'a> {
    fn new(source: &'a str, reading: Reading) -> Self {
        let mut bars = spoiler::bars(source).into_iter();
        let next_bar = bars.next();
        Self {
            source,
            reading,
            layout: Layout::new(reading != Reading::Draft),
            targets: Targets::default(),
            files: Vec::new(),
            bold: 0,
            italic: 0,
            strike: 0,
            underline: 0,
            key: 0,
            spoiler: false,
            small: None,
            bars,
            next_bar,
            lists: Vec::new(),
            links: Vec::new(),
            defined: HashMap::new(),
            used: HashSet::new(),
            table: None,
            cell_end: 0,
            code: None,
            heading: None,
            after_heading: false,
        }
    }

    fn event(&mut self, event: Event<'_>, range: Range<usize>, definition: Option<usize>) {
        match event {
            Event::Start(tag) => self.start(tag, range, definition),
            Event::End(tag) => self.end(tag, &range),
            Event::Text(text) => self.text(&text, &range),
            Event::Code(text) => self.code_words(&text),
            Event::InlineMath(text) | Event::DisplayMath(text) => self.words(&text),
            Event::Html(html) => self.html(&html),
            Event::InlineHtml(tag) => self.tag(&tag, &range),
            Event::FootnoteReference(label) => self.words(&format!("[{label}]")),
            Event::SoftBreak | Event::HardBreak => self.layout.line(),
            Event::Rule => {
                self.block(range.start);
                self.words(RULE);
            }
            Event::TaskListMarker(done) => self.task(done),
        }
    }

    fn start(&mut self, tag: Tag<'_>, range: Range<usize>, definition: Option<usize>) {
        match tag {
            Tag::Paragraph | Tag::HtmlBlock | Tag::MetadataBlock(_) => self.block(range.start),
            Tag::DefinitionList | Tag::DefinitionListTitle | Tag::DefinitionListDefinition => {
                self.block(range.start);
            }
            Tag::Heading { .. } => self.start_heading(&range),
            Tag::BlockQuote(kind) => self.start_quote(kind, range.start),
            Tag::CodeBlock(kind) => self.start_code(kind, range.start),
            Tag::List(first) => self.lists.push(first),
            Tag::Item => self.start_item(range.start),
            Tag::FootnoteDefinition(label) => {
                let gap = self.gap_before(range.start);
                self.layout.open_item(&format!("[{label}] "), gap);
            }
            Tag::Table(align) => {
                let gap = self.take_gap(range.start);
                self.table = Some(Table::new(align, &mut self.layout, gap));
            }
            Tag::TableHead | Tag::TableRow | Tag::TableCell => {}
            Tag::Emphasis => self.italic += 1,
            Tag::Strong => self.bold += 1,
            Tag::Strikethrough => self.toggle_strike(&range, true),
            Tag::Superscript | Tag::Subscript => {}
            Tag::Link {
                link_type,
                dest_url,
                ..
            } => self.start_link(link_type, &dest_url, definition, "link"),
            Tag::Image {
                link_type,
                dest_url,
                ..
            } => self.start_link(link_type, &dest_url, definition, "image"),
        }
    }

    fn end(&mut self, tag: TagEnd, range: &Range<usize>) {
        match tag {
            TagEnd::Paragraph | TagEnd::HtmlBlock | TagEnd::MetadataBlock(_) => self.end_block(),
            TagEnd::DefinitionList
            | TagEnd::DefinitionListTitle
            | TagEnd::DefinitionListDefinition => self.end_block(),
            TagEnd::Heading(_) => self.end_heading(),
            TagEnd::BlockQuote(_) => self.layout.close_quote(),
            TagEnd::CodeBlock => self.end_code(),
            TagEnd::List(_) => {
                self.lists.pop();
            }
            TagEnd::Item | TagEnd::FootnoteDefinition => {
                self.end_block();
                self.layout.close_item();
            }
            TagEnd::Table => {
                if let Some(table) = self.table.take() {
                    table.write(&mut self.layout);
                }
            }
            TagEnd::TableHead => self.in_table(Table::end_head),
            TagEnd::TableRow => {
                let rest = self
                    .source
                    .get(self.cell_end..range.end)
                    .unwrap_or_default();
                let rest = rest.trim_matches(|char: char| char == '|' || char.is_whitespace());
                self.in_table(|table| {
                    if !rest.is_empty() {
                        table.add(rest);
                    }
                    table.end_row();
                });
            }
            TagEnd::TableCell => {
                self.end_block();
                self.cell_end = range.end;
                let cell = self.layout.take_cell();
                self.in_table(|table| table.end_cell(cell));
            }
            TagEnd::Emphasis => self.italic = self.italic.saturating_sub(1),
            TagEnd::Strong => self.bold = self.bold.saturating_sub(1),
            TagEnd::Strikethrough => self.toggle_strike(range, false),
            TagEnd::Superscript | TagEnd::Subscript => {}
            TagEnd::Link | TagEnd::Image => self.end_link(),
        }
    }

    fn in_table(&mut self, act: impl FnOnce(&mut Table)) {
        if let Some(table) = &mut self.table {
            act(table);
        }
    }

    // --- blocks ---

    fn block(&mut self, at: usize) {
        let gap = self.take_gap(at);
        self.layout.block(gap);
    }

    fn take_gap(&mut self, at: usize) -> Gap {
        match std::mem::take(&mut self.after_heading) {
            true => Gap::Line,
            false => self.gap_before(at),
        }
    }

    /// What the author left before this byte.
    fn gap_before(&self, at: usize) -> Gap {
        let near = self.source.as_bytes()[..at].iter().rev().take(64);
        let blank = near.take_while(|byte| byte.is_ascii_whitespace() || **byte == b'>');
        match blank.filter(|byte| **byte == b'\n').count() {
            0 | 1 => Gap::Line,
            _ => Gap::Blank,
        }
    }

    /// What is open in a line ends with its block, whatever was forgotten.
    fn end_block(&mut self) {
        self.spoiler = false;
        self.underline = 0;
        self.key = 0;
        self.small = None;
        self.after_heading = false;
    }

    fn start_heading(&mut self, range: &Range<usize>) {
        self.block(range.start);
        let text = self.source[range.clone()].trim_end();
        let (body, underline) = text.rsplit_once('\n').unwrap_or((text, ""));
        let is_line = !body.contains('\n') && body.len() <= MAX_UNDERLINED;
        let is_ruled = !text.starts_with('#') && underline.contains('-') && !is_line;
        if is_ruled {
            self.heading = Some(Heading::Ruled);
        } else {
            self.heading = Some(Heading::Real);
            self.bold += 1;
        }
    }

    fn end_heading(&mut self) {
        self.end_block();
        match self.heading.take() {
            Some(Heading::Ruled) => {
                self.layout.block(Gap::Line);
                self.words(RULE);
            }
            Some(Heading::Real) => {
                self.bold = self.bold.saturating_sub(1);
                self.after_heading = true;
            }
            None => {}
        }
    }

    fn start_quote(&mut self, kind: Option<BlockQuoteKind>, at: usize) {
        let gap = self.take_gap(at);
        self.layout.open_quote(gap);
        let title = match kind {
            None => return,
            Some(BlockQuoteKind::Note) => "ℹ️ Note",
            Some(BlockQuoteKind::Tip) => "💡 Tip",
            Some(BlockQuoteKind::Important) => "❗ Important",
            Some(BlockQuoteKind::Warning) => "⚠️ Warning",
            Some(BlockQuoteKind::Caution) => "🛑 Caution",
        };
        let bold = Style {
            bold: true,
            ..Style::default()
        };
        self.layout.words(title, bold);
        self.after_heading = true;
    }

    fn start_item(&mut self, at: usize) {
        let gap = self.take_gap(at);
        let marker = match self.lists.last_mut() {
            Some(Some(number)) => {
                let marker = format!("{number}. ");
                *number = number.saturating_add(1);
                marker
            }
            Some(None) | None => match self.layout.depth() {
                0 => "• ".to_owned(),
                1 => "◦ ".to_owned(),
                _ => "▪ ".to_owned(),
            },
        };
        self.layout.open_item(&marker, gap);
    }

    fn task(&mut self, done: bool) {
        let check = if done { "☑ " } else { "☐ " };
        self.layout.mark(|marker| match marker.ends_with(". ") {
            true => format!("{marker}{check}"),
            false => check.to_owned(),
        });
    }

    // --- code ---

    fn start_code(&mut self, kind: CodeBlockKind<'_>, at: usize) {
        let info = match kind {
            CodeBlockKind::Indented => String::new(),
            CodeBlockKind::Fenced(info) => info.into_string(),
        };
        let gap = self.take_gap(at);
        self.code = Some(OpenCode {
            info,
            body: String::new(),
            gap,
        });
    }

    fn end_code(&mut self) {
        let Some(code) = self.code.take() else {
            return;
        };
        let body = code.body.trim_end();
        if body.is_empty() {
            return;
        }
        if self.reading == Reading::Filing && is_long(body) {
            return self.file(&code);
        }
        let language = language(&code.info).map(|name| self.targets.keep(&name));
        self.layout.verbatim(body, language, code.gap);
    }

    /// Leaves the name of a file in place of its code.
    fn file(&mut self, code: &OpenCode) {
        let name = file_name(&code.info, &self.files);
        let lines = match code.body.lines().count() {
            1 => "1 line".to_owned(),
            lines => format!("{lines} lines"),
        };
        self.layout.block(code.gap);
        self.words("📎 ");
        self.code_words(&name);
        self.words(&format!(" ({lines})"));
        self.files.push(CodeFile {
            name,
            body: code.body.clone(),
        });
    }

    // --- words ---

    fn text(&mut self, text: &str, range: &Range<usize>) {
        if let Some(code) = &mut self.code {
            code.body.push_str(text);
            return;
        }
        // An entity (`&amp;`) is longer in the source than what it says, and has no bars.
        if text.len() != range.len() {
            return self.words(text);
        }
        let mut said = range.start;
        while let Some(bar) = self.next_bar.filter(|bar| *bar < range.end) {
            self.next_bar = self.bars.next();
            if bar >= said && bar + spoiler::BARS.len() <= range.end {
                self.words(&text[said - range.start..bar - range.start]);
                self.spoiler = !self.spoiler;
                said = bar + spoiler::BARS.len();
            }
        }
        self.words(&text[said - range.start..]);
    }

    fn words(&mut self, text: &str) {
        let style = self.style();
        match self.small {
            None => self.layout.words(text, style),
            Some(row) => {
                let small = |char| inline_html::small(char, row).unwrap_or(char);
                let text: String = text.chars().map(small).collect();
                self.layout.words(&text, style);
            }
        }
    }

    /// Code in a line. In a link or a spoiler it is words: Telegram allows one of them only.
    fn code_words(&mut self, text: &str) {
        let style = self.style();
        let style = match style.inner {
            Inner::Words if !style.spoiler => Style {
                inner: Inner::Code,
                ..Style::default()
            },
            Inner::Words | Inner::Link(_) | Inner::Code | Inner::Block(_) => style,
        };
        self.layout.words(text, style);
    }

    fn style(&self) -> Style {
        let link = self.links.iter().find_map(|link| link.target);
        let style = Style {
            bold: self.bold > 0,
            italic: self.italic > 0,
            underline: self.underline > 0,
            strike: self.strike > 0,
            spoiler: self.spoiler,
            inner: link.map_or(Inner::Words, Inner::Link),
            ..Style::default()
        };
        if self.key > 0 && link.is_none() && !self.spoiler {
            return Style {
                inner: Inner::Code,
                ..Style::default()
            };
        }
        style
    }

    /// A single tilde strikes nothing: "~5 to ~10", "5~10".
    fn toggle_strike(&mut self, range: &Range<usize>, on: bool) {
        if !self.source[range.clone()].starts_with("~~") {
            self.words("~");
        } else if on {
            self.strike += 1;
        } else {
            self.strike = self.strike.saturating_sub(1);
        }
    }

    // --- raw HTML ---

    fn html(&mut self, html: &str) {
        for (index, line) in inline_html::lines(html).enumerate() {
            if index > 0 {
                self.layout.line();
            }
            self.words(line);
        }
    }

    fn tag(&mut self, tag: &str, range: &Range<usize>) {
        let rest = self.source.get(range.end..).unwrap_or_default();
        match inline_html::read(tag, rest, self.reading == Reading::Draft) {
            Found::Opening(Known::Break) => self.layout.line(),
            Found::Opening(Known::Underline) => self.underline += 1,
            Found::Opening(Known::Key) => self.key += 1,
            Found::Opening(row @ (Known::Raised | Known::Lowered)) => self.small = Some(row),
            Found::Closing(Known::Underline) if self.underline > 0 => self.underline -= 1,
            Found::Closing(Known::Key) if self.key > 0 => self.key -= 1,
            Found::Closing(row) if self.small == Some(row) => self.small = None,
            Found::Closing(_) | Found::Other => self.words(tag),
        }
    }

    // --- links ---

    fn start_link(
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
    fn target(&mut self, address: &str, definition: Option<usize>) -> u32 {
        let Some(at) = definition else {
            return self.targets.keep(address);
        };
        self.used.insert(at);
        let new = || self.targets.keep(address);
        *self.defined.entry(at).or_insert_with(new)
    }

    fn end_link(&mut self) {
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

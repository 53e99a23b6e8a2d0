//! The parser's events, told to the layout one after the other.

mod blocks;
mod words;
mod links;

use super::code::CodeFile;
use super::inline_html::Known;
use super::layout::{Gap, Layout};
use super::styled::{Style, Targets};
use super::table::Table;
use super::{Page, Reading, source, spoiler};
use pulldown_cmark::{Event, Parser, Tag, TagEnd};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;

/// What a rule across the page looks like.
const RULE: &str = "──────────";

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
}

//! Every parameter of the API's routes.

use model::counting::grain::{DAY_MS, HOUR_MS, MINUTE_MS};
use model::delivery::kept_letter::LetterSource;
use model::parity::window::WindowKind;
use model::reading::listing::Sort;

use crate::events::StoreName;
use crate::parameter::{Choice, Number, Preset, Text, Time};

/// Most letters on a page.
pub const MAX_LETTERS: u64 = 200;

/// Most reports in a list.
pub const MAX_REPORTS: u64 = 200;

/// Most rows on a page of the table of routes.
pub const MAX_ROWS: u64 = 1_000;

/// Most bytes of a search text.
const MAX_SEARCH_BYTES: usize = 256;

/// Ranges that have a name, in ms.
pub const RANGE: Choice<u64> = Choice {
    name: "range",
    description: "Length where `from` is not given.",
    values: &[
        ("15m", 15 * MINUTE_MS),
        ("1h", HOUR_MS),
        ("6h", 6 * HOUR_MS),
        ("24h", DAY_MS),
        ("7d", 7 * DAY_MS),
        ("30d", 30 * DAY_MS),
        ("90d", 90 * DAY_MS),
    ],
    required: false,
};

/// Start of a range.
pub const FROM: Time = Time {
    name: "from",
    description: "Start, in ms since 1970. At most 401 days before `to`; by default `range`, or a day, before it.",
    example: 1_730_956_800_000,
};

/// End of a range.
pub const TO: Time = Time {
    name: "to",
    description: "End, in ms since 1970. By default a minute from now.",
    example: 1_730_960_400_000,
};

/// Whether only all routes together are wanted.
pub const DETAIL: Choice<()> = Choice {
    name: "detail",
    description: "`total`: all routes together, which is cheap for a range of any length.",
    values: &[("total", ())],
    required: false,
};

/// One route's figures.
pub const ONE_ROUTE: Text = Text {
    name: "path",
    description: "Only this route. By default all together.",
    pattern: None,
    example: "/users/{id}",
    max_bytes: None,
    required: false,
};

/// The column by which the table of routes is sorted.
pub const SORT: Preset<Sort> = Preset {
    choice: Choice { name: "sort", description: "The column to sort by.", values: &Sort::NAMED, required: false },
    default: Sort::Requests,
};

/// Whether the largest comes first.
pub const ORDER: Choice<bool> = Choice {
    name: "order",
    description: "By default `desc`, and `asc` by path.",
    values: &[("asc", false), ("desc", true)],
    required: false,
};

/// Rows on a page of the table of routes.
pub const ROWS: Number =
    Number { name: "limit", description: "Most rows of the page.", least: 1, most: MAX_ROWS, default: 50 };

/// What the routes in the table contain.
pub const SEARCH: Text = Text {
    name: "search",
    description: "Text that the route contains, in any case; at most 256 bytes.",
    pattern: None,
    example: "users",
    max_bytes: Some(MAX_SEARCH_BYTES),
    required: false,
};

/// Where the next page of the table begins.
pub const CURSOR: Text = Text {
    name: "cursor",
    description: "`next` of the page before.",
    pattern: Some("^[0-9a-f]{1,16}-([0-9a-f]{2})*$"),
    example: "0-2f",
    max_bytes: None,
    required: false,
};

/// Whether the table is wanted as a file.
pub const FORMAT: Choice<()> = Choice {
    name: "format",
    description: "`csv`: the whole table as a file.",
    values: &[("csv", ())],
    required: false,
};

/// Whose events are wanted.
pub const STORE: Choice<StoreName> = Choice {
    name: "store",
    description: "`old`: the object; `new`: D1.",
    values: &[("old", StoreName::Old), ("new", StoreName::New)],
    required: true,
};

/// How far back isolates are looked for.
pub const MINUTES: Number =
    Number { name: "minutes", description: "Minutes that are looked at.", least: 1, most: 60, default: 10 };

/// The kind of reports.
pub const KIND: Preset<WindowKind> = Preset {
    choice: Choice {
        name: "kind",
        description: "What the reports are on.",
        values: &[
            (WindowKind::Hour.name(), WindowKind::Hour),
            (WindowKind::Day.name(), WindowKind::Day),
            (WindowKind::Range.name(), WindowKind::Range),
        ],
        required: false,
    },
    default: WindowKind::Hour,
};

/// How many reports.
pub const REPORTS: Number =
    Number { name: "limit", description: "Most reports.", least: 1, most: MAX_REPORTS, default: 24 };

/// Which consumer found a letter.
pub const SOURCE: Choice<LetterSource> = Choice {
    name: "source",
    description: "Only letters that this consumer found: the queue's, or that of the slow lane.",
    values: &[(LetterSource::Consumer.name(), LetterSource::Consumer), (LetterSource::Dlq.name(), LetterSource::Dlq)],
    required: false,
};

/// Why a letter is one.
pub const REASON: Text = Text {
    name: "reason",
    description: "Only letters with this text in their reason, or in why their last redrive was refused.",
    pattern: None,
    example: "another format",
    max_bytes: None,
    required: false,
};

/// Until when letters were stored.
pub const STORED_BEFORE: Time = Time {
    name: "before",
    description: "Only letters that were stored before this time, in ms since 1970.",
    example: 1_730_956_800_000,
};

/// Letters on a page.
pub const LETTERS: Number =
    Number { name: "limit", description: "Most letters of the page.", least: 1, most: MAX_LETTERS, default: 50 };

/// Where the next page of letters begins.
pub const AFTER: Text = Text {
    name: "after",
    description: "`next` of the page before.",
    pattern: Some("^[0-9]{1,15}-.*$"),
    example: "1730956800000-0123456789abcdef/0",
    max_bytes: None,
    required: false,
};

/// Until when days were archived.
pub const DAYS_BEFORE: Text =
    Text { name: "before", description: "Only days before this one.", required: false, ..DAY };

/// A day, in a path.
pub const DAY: Text = Text {
    name: "day",
    description: "A UTC day.",
    pattern: Some("^[0-9]{4}-[0-9]{2}-[0-9]{2}$"),
    example: "2026-11-23",
    max_bytes: None,
    required: true,
};

/// A part of an archived day, in a path.
pub const PART: Text = Text {
    name: "part",
    description: "Name of the part, as the manifest has it.",
    pattern: Some(r"^part-[0-9]{4}\.ndjson\.gz$"),
    example: "part-0000.ndjson.gz",
    ..DAY
};

/// A dead letter, in a path.
pub const LETTER: Text =
    Text { name: "id", description: "The letter's ID.", pattern: None, example: "0123456789abcdef/0", ..DAY };

/// An event, in a path.
pub const EVENT: Text = Text {
    name: "id",
    description: "The idempotent ID.",
    pattern: Some("^[0-9]{13}-[0-9a-f]{8}$"),
    example: "1730956800000-1a2b3c4d",
    ..DAY
};

/// A route of the gateway, in a path.
pub const ROUTE: Text = Text {
    name: "path",
    description: "The route, as `encodeURIComponent` writes it.",
    pattern: None,
    example: "/users/{id}",
    ..DAY
};

/// A window that is compared.
pub const WINDOW: Text = Text {
    name: "window",
    description: "The window that holds an hour's or a day's time, or a range of whole minutes of at most two days; times \
                  in ms since 1970.",
    pattern: Some("^(hour:[1-9][0-9]{12}|day:[1-9][0-9]{12}|range:[1-9][0-9]{12}-[1-9][0-9]{12})$"),
    example: "hour:1730955600000",
    ..DAY
};

/// A flag, in a path.
pub const KEY: Text = Text {
    name: "key",
    description: "Name of the flag: there is one, `collector`.",
    pattern: None,
    example: "collector",
    ..DAY
};

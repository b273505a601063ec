//! Every parameter of the API's routes.

use model::counting::grain::{DAY_MS, HOUR_MS, MINUTE_MS};
use model::delivery::kept_letter::LetterSource;
use model::parity::window::WindowKind;
use model::reading::listing::SortColumn;

use crate::events::StoreName;
use crate::parameter::{
    ChoiceParameter, NumberParameter, PresetParameter, TextParameter, TimeParameter, optional, required,
};

/// Most letters on a page.
pub const MAX_LETTERS: u64 = 200;

/// Most reports in a list.
pub const MAX_REPORTS: u64 = 200;

/// Most rows on a page of the table of routes.
pub const MAX_ROWS: u64 = 1_000;

/// Ranges that have a name, in ms.
pub const RANGE: ChoiceParameter<u64, 7> = ChoiceParameter::new(
    optional("range", "Length where `from` is not given."),
    [
        ("15m", 15 * MINUTE_MS),
        ("1h", HOUR_MS),
        ("6h", 6 * HOUR_MS),
        ("24h", DAY_MS),
        ("7d", 7 * DAY_MS),
        ("30d", 30 * DAY_MS),
        ("90d", 90 * DAY_MS),
    ],
);

/// Start of a range.
pub const FROM: TimeParameter = TimeParameter::new(
    optional("from", "Start, in ms since 1970. At most 401 days before `to`; by default `range`, or a day, before it."),
    1_730_956_800_000,
);

/// End of a range.
pub const TO: TimeParameter =
    TimeParameter::new(optional("to", "End, in ms since 1970. By default a minute from now."), 1_730_960_400_000);

/// Whether only all routes together are wanted.
pub const DETAIL: ChoiceParameter<(), 1> = ChoiceParameter::new(
    optional("detail", "`total`: all routes together, which is cheap for a range of any length."),
    [("total", ())],
);

/// One route's figures.
pub const ONE_ROUTE: TextParameter =
    TextParameter::new(optional("path", "Only this route. By default all together."), "/users/{id}");

/// The column by which the table of routes is sorted.
pub const SORT: PresetParameter<SortColumn, 6> = PresetParameter {
    choice: ChoiceParameter::new(optional("sort", "The column to sort by."), SortColumn::NAMED),
    default: SortColumn::Requests,
};

/// Whether the largest comes first.
pub const ORDER: ChoiceParameter<bool, 2> =
    ChoiceParameter::new(optional("order", "By default `desc`, and `asc` by path."), [("asc", false), ("desc", true)]);

/// Rows on a page of the table of routes.
pub const ROWS: NumberParameter = NumberParameter::new(optional("limit", "Most rows of the page."), 1..=MAX_ROWS, 50);

/// What the routes in the table contain.
pub const SEARCH: TextParameter =
    TextParameter::new(optional("search", "Text that the route contains, in any case; at most 256 bytes."), "users")
        .up_to(256);

/// Where the next page of the table begins.
pub const CURSOR: TextParameter = TextParameter::new(optional("cursor", "`next` of the page before."), "0-2f")
    .like("^[0-9a-f]{1,16}-([0-9a-f]{2})*$");

/// Whether the table is wanted as a file.
pub const FORMAT: ChoiceParameter<(), 1> =
    ChoiceParameter::new(optional("format", "`csv`: the whole table as a file."), [("csv", ())]);

/// Whose events are wanted.
pub const STORE: ChoiceParameter<StoreName, 2> = ChoiceParameter::new(
    required("store", "`old`: the object; `new`: D1."),
    [("old", StoreName::Old), ("new", StoreName::New)],
);

/// How far back isolates are looked for.
pub const MINUTES: NumberParameter =
    NumberParameter::new(optional("minutes", "Minutes that are looked at."), 1..=60, 10);

/// The kind of reports.
pub const KIND: PresetParameter<WindowKind, 3> = PresetParameter {
    choice: ChoiceParameter::new(
        optional("kind", "What the reports are on."),
        [
            (WindowKind::Hour.name(), WindowKind::Hour),
            (WindowKind::Day.name(), WindowKind::Day),
            (WindowKind::Range.name(), WindowKind::Range),
        ],
    ),
    default: WindowKind::Hour,
};

/// How many reports.
pub const REPORTS: NumberParameter = NumberParameter::new(optional("limit", "Most reports."), 1..=MAX_REPORTS, 24);

/// Which consumer found a letter.
pub const SOURCE: ChoiceParameter<LetterSource, 2> = ChoiceParameter::new(
    optional("source", "Only letters that this consumer found: the queue's, or that of the slow lane."),
    [(LetterSource::Consumer.name(), LetterSource::Consumer), (LetterSource::Dlq.name(), LetterSource::Dlq)],
);

/// Why a letter is one.
pub const REASON: TextParameter = TextParameter::new(
    optional("reason", "Only letters with this text in their reason, or in why their last redrive was refused."),
    "another format",
);

/// Until when letters were stored.
pub const STORED_BEFORE: TimeParameter = TimeParameter::new(
    optional("before", "Only letters that were stored before this time, in ms since 1970."),
    1_730_956_800_000,
);

/// Letters on a page.
pub const LETTERS: NumberParameter =
    NumberParameter::new(optional("limit", "Most letters of the page."), 1..=MAX_LETTERS, 50);

/// Where the next page of letters begins.
pub const AFTER: TextParameter =
    TextParameter::new(optional("after", "`next` of the page before."), "1730956800000-0123456789abcdef/0")
        .like("^[0-9]{1,15}-.*$");

const DAY_PATTERN: &str = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$";

/// Until when days were archived.
pub const DAYS_BEFORE: TextParameter =
    TextParameter::new(optional("before", "Only days before this one."), "2026-11-23").like(DAY_PATTERN);

/// A day, in a path.
pub const DAY: TextParameter = TextParameter::new(required("day", "A UTC day."), "2026-11-23").like(DAY_PATTERN);

/// A part of an archived day, in a path.
pub const PART: TextParameter =
    TextParameter::new(required("part", "Name of the part, as the manifest has it."), "part-0000.ndjson.gz")
        .like(r"^part-[0-9]{4}\.ndjson\.gz$");

/// A dead letter, in a path.
pub const LETTER: TextParameter = TextParameter::new(required("id", "The letter's ID."), "0123456789abcdef");

/// An event, in a path.
pub const EVENT: TextParameter =
    TextParameter::new(required("id", "The idempotent ID."), "1730956800000-1a2b3c4d").like("^[0-9]{13}-[0-9a-f]{8}$");

/// A route of the gateway, in a path.
pub const ROUTE: TextParameter =
    TextParameter::new(required("path", "The route, as `encodeURIComponent` writes it."), "/users/{id}");

/// A window that is compared.
pub const WINDOW: TextParameter = TextParameter::new(
    required(
        "window",
        "The window that holds an hour's or a day's time, or a range of whole minutes of at most two days; in ms since \
         1970.",
    ),
    "hour:1730955600000",
)
.like("^(hour:[1-9][0-9]{12}|day:[1-9][0-9]{12}|range:[1-9][0-9]{12}-[1-9][0-9]{12})$");

/// A flag, in a path.
pub const KEY: TextParameter =
    TextParameter::new(required("key", "Name of the flag: there is one, `collector`."), "collector");

//! Fitting a report into a row.
//!
//! Invariant: what is left out of a list is counted; no figure and no verdict changes.

use super::report::ParityReport;

impl ParityReport {
    /// The report as JSON of at most so many bytes. Where its lists are longer, their ends are counted, not named.
    ///
    /// # Errors
    /// If the encoder fails, which for these types it can't.
    pub fn fit(mut self, most_bytes: usize) -> Result<(Self, String), serde_json::Error> {
        loop {
            let text = serde_json::to_string(&self)?;
            if text.len() <= most_bytes || self.paths.is_empty() && self.differences.is_empty() {
                return Ok((self, text));
            }
            let (paths, differences) = (self.paths.len() / 2, self.differences.len() / 2);
            self.unlisted_paths += (self.paths.len() - paths) as u64;
            self.unnamed += (self.differences.len() - differences) as u64;
            self.paths.truncate(paths);
            self.differences.truncate(differences);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parity::difference::{Difference, DifferenceKind};
    use crate::parity::report::MAX_PATHS;
    use crate::parity::reporting::tests::by_route;

    #[test]
    fn a_report_on_thousands_of_long_routes_fits_into_a_row_and_counts_what_it_does_not_list() {
        let names: Vec<String> = (0..3_000).map(|n| format!("/{n:0>255}")).collect();
        let routes: Vec<(&str, u64, u64)> = names.iter().map(|path| (path.as_str(), 400, 3)).collect();
        let report = by_route(&routes);
        assert_eq!((report.paths.len(), report.unlisted_paths), (MAX_PATHS, 2_000));
        let (short, text) = report.fit(300_000).unwrap();
        assert!(text.len() <= 300_000 && !short.paths.is_empty(), "{}", text.len());
        assert_eq!(short.paths.len() as u64 + short.unlisted_paths, 3_000);
        assert_eq!(serde_json::from_str::<ParityReport>(&text).unwrap(), short);
    }

    #[test]
    fn differences_that_do_not_fit_are_counted_and_no_more_are_left_out_than_must_be() {
        let mut report = by_route(&[("/a", 400, 3)]);
        let event = crate::event::tests::example();
        let difference = Difference::of(&event, DifferenceKind::OnlyOld, None, Vec::new());
        (report.differences, report.unnamed) = (vec![difference; 999], 7);
        let whole = serde_json::to_string(&report).unwrap().len();
        let (short, text) = report.clone().fit(whole - 1).unwrap();
        assert!(text.len() < whole);
        assert_eq!((short.differences.len(), short.unnamed), (499, 500 + 7));
        assert_eq!(report.clone().fit(whole).unwrap().0, report);
    }
}

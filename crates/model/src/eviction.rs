//! Keeps a memory within a bound: entries that were used longest ago are evicted first.

/// The last-use number at or below which entries are evicted, so that the rest weighs at most `most`; 0 if none need be,
/// so uses are numbered from 1. `kept` gives each entry's last use and weight.
pub fn up_to(kept: impl Iterator<Item = (u64, usize)>, most: usize) -> u64 {
    let mut by_use: Vec<(u64, usize)> = kept.collect();
    by_use.sort_unstable();
    let mut weight: usize = by_use.iter().map(|(_, weight)| weight).sum();
    let mut gone = 0;
    for (used, freed) in by_use {
        // What was used together goes together.
        if weight <= most && used > gone {
            break;
        }
        weight -= freed;
        gone = used;
    }
    gone
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_goes_than_has_to() {
        let kept = [(2, 3), (1, 4), (3, 5), (1, 1)];
        let gone = |most| up_to(kept.into_iter(), most);
        assert_eq!([13, 12, 8, 7, 5, 4, 0].map(gone), [0, 1, 1, 2, 2, 3, 3]);
        assert_eq!(up_to(std::iter::empty(), 0), 0);
    }
}

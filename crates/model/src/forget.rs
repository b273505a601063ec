//! Memory within a bound: what was used longest ago goes first.

/// The use up to which all has to go, so that the rest weighs at most `most`; 0 where nothing has, so that uses are
/// numbered from 1. `kept` gives the last use of each thing, and its weight.
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

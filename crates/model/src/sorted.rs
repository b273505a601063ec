//! Sorted lists in place of trees, and one sort for all types: of each kind of tree or sort that is used, the compiler
//! makes many times the code, and the Worker has to be loaded.
//!
//! Trees remain where many keys come in no order: figures by route, and intervals. The library's own sort remains for
//! long lists of numbers.

use std::cmp::Ordering;
use std::ops::Range;

use litemap::LiteMap;

/// Sorts a list. Items that are equal keep their order.
pub fn sort_by<T>(items: &mut Vec<T>, order: impl Fn(&T, &T) -> Ordering) {
    if items.is_sorted_by(|one, next| order(one, next).is_le()) {
        return;
    }
    let mut positions: Vec<usize> = (0..items.len()).collect();
    sort_positions(&mut positions, &|one, other| match (items.get(one), items.get(other)) {
        (Some(one), Some(other)) => order(one, other),
        _ => Ordering::Equal,
    });
    let mut unsorted: Vec<Option<T>> = std::mem::take(items).into_iter().map(Some).collect();
    items.extend(positions.into_iter().filter_map(|position| unsorted.get_mut(position)?.take()));
}

/// Sorts a list by a key. Items of equal keys keep their order.
pub fn sort_by_key<T, K: Ord>(items: &mut Vec<T>, key: impl Fn(&T) -> K) {
    sort_by(items, |one, other| key(one).cmp(&key(other)));
}

fn sort_positions(positions: &mut [usize], order: &dyn Fn(usize, usize) -> Ordering) {
    positions.sort_by(|one, other| order(*one, *other));
}

/// A map of entries that come in any order. The last one of a key is the one that is kept.
pub fn map_of<K: Ord, V>(entries: impl IntoIterator<Item = (K, V)>) -> LiteMap<K, V> {
    let mut entries: Vec<(K, V)> = entries.into_iter().collect();
    sort_by(&mut entries, |(one, _), (other, _)| one.cmp(other));
    entries.dedup_by(|later, kept| {
        let is_same = later.0 == kept.0;
        if is_same {
            std::mem::swap(later, kept);
        }
        is_same
    });
    LiteMap::from_sorted_store_unchecked(entries)
}

/// The items in their order, each once.
pub fn distinct<T: Ord>(items: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut list: Vec<T> = items.into_iter().collect();
    sort_by(&mut list, T::cmp);
    list.dedup();
    list
}

/// Puts an item into such a list; gives whether it was not there.
pub fn insert<T: Ord>(list: &mut Vec<T>, item: T) -> bool {
    match list.binary_search(&item) {
        Ok(_) => false,
        Err(place) => {
            list.insert(place, item);
            true
        }
    }
}

/// What a map has of these keys, in their order.
pub fn within<V>(map: &LiteMap<u64, V>, keys: Range<u64>) -> impl Iterator<Item = (&u64, &V)> {
    let entries = map.as_slice();
    let first = entries.partition_point(|(key, _)| *key < keys.start);
    entries.iter().skip(first).map(|(key, value)| (key, value)).take_while(move |(key, _)| **key < keys.end)
}

/// A map as serde's maps: `#[serde(with = "sorted::map")]`. The library's own way makes room for as many entries as
/// damaged bytes say that there are, which ends the isolate.
pub mod map {
    use std::fmt;
    use std::marker::PhantomData;

    use litemap::LiteMap;
    use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
    use serde::ser::{Serialize, Serializer};

    struct Entries<K, V>(PhantomData<(K, V)>);

    impl<'de, K: Deserialize<'de> + Ord, V: Deserialize<'de>> Visitor<'de> for Entries<K, V> {
        type Value = LiteMap<K, V>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a map")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut entries = Vec::new();
            while let Some(entry) = map.next_entry()? {
                entries.push(entry);
            }
            Ok(super::map_of(entries))
        }
    }

    /// Writes it.
    ///
    /// # Errors
    /// The serializer's.
    pub fn serialize<K: Serialize, V: Serialize, S: Serializer>(map: &LiteMap<K, V>, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(map.iter())
    }

    /// Reads it.
    ///
    /// # Errors
    /// The deserializer's.
    pub fn deserialize<'de, K, V, D>(from: D) -> Result<LiteMap<K, V>, D::Error>
    where
        K: Deserialize<'de> + Ord,
        V: Deserialize<'de>,
        D: Deserializer<'de>,
    {
        from.deserialize_map(Entries(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_item_is_there_once_and_in_order() {
        let mut list = distinct([3, 1, 5, 3, 1]);
        assert_eq!([3, 4, 0, 9].map(|item| insert(&mut list, item)), [false, true, true, true]);
        assert_eq!(list, [0, 1, 3, 4, 5, 9]);
    }

    #[test]
    fn a_list_is_sorted_as_the_library_sorts_it() {
        let pairs: Vec<(u32, u32)> = (0..200).map(|n| (n * 7_919 % 13, n)).collect();
        let (mut mine, mut theirs) = (pairs.clone(), pairs);
        sort_by_key(&mut mine, |(key, _)| *key);
        theirs.sort_by_key(|(key, _)| *key);
        assert_eq!(mine, theirs);
        sort_by(&mut mine, |one, other| other.cmp(one));
        theirs.sort_by(|one, other| other.cmp(one));
        assert_eq!(mine, theirs);
    }

    #[test]
    fn a_map_has_each_key_once_with_the_last_of_its_values() {
        let entries = [(3, 'a'), (1, 'b'), (3, 'c'), (2, 'd'), (1, 'e'), (3, 'f')];
        assert_eq!(map_of(entries), LiteMap::from_iter(entries));
        assert_eq!(map_of(entries).into_iter().collect::<Vec<_>>(), [(1, 'e'), (2, 'd'), (3, 'f')]);
    }

    #[test]
    fn a_range_has_its_beginning_and_not_its_end() {
        let map: LiteMap<u64, char> = [(5, 'b'), (1, 'a'), (9, 'c')].into_iter().collect();
        let of = |keys| within(&map, keys).map(|(_, value)| *value).collect::<String>();
        assert_eq!([0..10, 1..9, 2..6, 6..9, 10..20, 0..1].map(of), ["abc", "ab", "b", "", "", ""]);
    }

    #[derive(serde::Serialize, serde::Deserialize, PartialEq, Debug)]
    struct Holder(#[serde(with = "map")] LiteMap<u64, String>);

    #[test]
    fn a_map_is_packed_as_a_tree_would_be_and_no_size_is_believed() {
        let tree = std::collections::BTreeMap::from([(7_u64, "a".to_owned()), (2, "b".to_owned())]);
        let map = Holder(tree.clone().into_iter().collect());
        let packed = postcard::to_allocvec(&map).unwrap();
        assert_eq!(packed, postcard::to_allocvec(&tree).unwrap());
        assert_eq!(postcard::from_bytes::<Holder>(&packed).unwrap(), map);
        let text = serde_json::to_string(&map).unwrap();
        assert_eq!(text, serde_json::to_string(&tree).unwrap());
        assert_eq!(serde_json::from_str::<Holder>(&text).unwrap(), map);
        let huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        assert!(postcard::from_bytes::<Holder>(&huge).is_err());
    }
}

//! Sorted lists in place of trees: of each kind of tree that is used, the compiler makes many times the code.
//!
//! Trees remain where many keys come in no order: figures by route, and intervals.

use std::ops::Range;

use litemap::LiteMap;

/// The items in their order, each once.
pub fn distinct<T: Ord>(items: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut list: Vec<T> = items.into_iter().collect();
    list.sort_unstable();
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
            Ok(entries.into_iter().collect())
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

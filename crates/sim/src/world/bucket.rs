//! The archive's bucket, whose compression only marks the bytes.

use std::collections::BTreeMap;
use std::rc::Rc;

use flow::port::Buckets;
use sha2::{Digest as _, Sha256};
use store::archive::archiver::{Bucket, BucketEntry};
use store::sql::{LocalFuture, StoreError};

use super::isolate::Platform;
use super::trouble::Port;
use super::{Inner, World, at_once, boxed};

/// What stands before compressed bytes.
const MARK: &[u8] = b"gzip:";

pub(super) type Files = BTreeMap<String, Vec<u8>>;

impl World {
    /// Binds a bucket, which is empty.
    pub fn bind_bucket(&self) {
        self.files.replace(Some(Files::new()));
    }

    pub fn file_names(&self) -> Vec<String> {
        self.files.borrow().iter().flat_map(BTreeMap::keys).cloned().collect()
    }

    /// A file's text, unpacked if it is packed.
    pub fn file(&self, name: &str) -> Option<String> {
        let files = self.files.borrow();
        let bytes = files.as_ref()?.get(name)?;
        Some(String::from_utf8(bytes.strip_prefix(MARK).unwrap_or(bytes).to_vec()).unwrap())
    }
}

impl Buckets for Platform {
    fn bucket(&self) -> Option<Box<dyn Bucket>> {
        self.inner.files.borrow().as_ref()?;
        Some(Box::new(Bound(self.inner.clone())))
    }
}

struct Bound(Rc<Inner>);

impl Bound {
    async fn call<T: 'static>(
        &self,
        port: Port,
        name: &str,
        act: impl FnOnce(&mut Files) -> Result<T, StoreError> + 'static,
    ) -> Result<T, StoreError> {
        let inner = self.0.clone();
        let act = at_once(move || act(inner.files.borrow_mut().get_or_insert_default()));
        self.0.call(port, name, act).await
    }
}

impl Bucket for Bound {
    fn gzip(&self, bytes: Vec<u8>) -> LocalFuture<'_, Result<Vec<u8>, StoreError>> {
        boxed(async move { Ok([MARK, &bytes].concat()) })
    }

    fn put<'a>(&'a self, name: &'a str, bytes: Vec<u8>, sha256: [u8; 32]) -> LocalFuture<'a, Result<(), StoreError>> {
        let of = name.to_owned();
        boxed(self.call(Port::BucketPut, name, move |files| {
            if sha256 != *Sha256::digest(&bytes) {
                return Err(StoreError::Unavailable("the checksum is another".to_owned()));
            }
            files.insert(of, bytes);
            Ok(())
        }))
    }

    fn get<'a>(&'a self, name: &'a str, most: u64) -> LocalFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        let of = name.to_owned();
        boxed(self.call(Port::BucketGet, name, move |files| match files.get(&of) {
            Some(bytes) if bytes.len() as u64 > most => Err(StoreError::Unavailable("the file is too long".to_owned())),
            found => Ok(found.cloned()),
        }))
    }

    fn head<'a>(&'a self, name: &'a str) -> LocalFuture<'a, Result<Option<BucketEntry>, StoreError>> {
        let of = name.to_owned();
        let held =
            |bytes: &Vec<u8>| BucketEntry { bytes: bytes.len() as u64, sha256: Some(Sha256::digest(bytes).into()) };
        boxed(self.call(Port::BucketGet, name, move |files| Ok(files.get(&of).map(held))))
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Files called `watched...` are watched when they are made: their ends are counted, and one value for
//! each is dropped later. Files called `unwanted...` are refused with their data there.

use crate::{
    counted::{Counted, DEFERRED, ENDS},
    TestFs,
};
use fs::{Deferred, INode, Watcher};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{Arc, Mutex},
};

/// Who watches a file.
#[pin_data]
struct Watch {
    #[pin]
    value: Mutex<Option<Deferred<Counted>>>,
}

impl Watcher for Watch {
    fn ended(&self) {
        ENDS.happened();
        // Where the inode ends, locks of the VFS may be held.
        drop(self.value.lock().take());
    }
}

/// See [`fs::FileSystem::new_file`].
pub(crate) fn new_file(inode: &INode<TestFs>) -> Result {
    let name = inode.data().name();
    if name.starts_with(b"unwanted") {
        return Err(EDOM);
    }
    if name.starts_with(b"watched") {
        let value = Deferred::new(Counted::new(&DEFERRED))?;
        let watch = pin_init!(Watch {
            value <- new_mutex!(Some(value)),
        });
        let watch: Arc<Watch> = Arc::pin_init(watch, GFP_KERNEL)?;
        // Told once, however often it is asked for.
        if !inode.watch(watch.clone())? || inode.watch(watch)? {
            return Err(EIO);
        }
    }
    Ok(())
}

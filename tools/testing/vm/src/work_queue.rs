// SPDX-License-Identifier: GPL-2.0

//! Work of which some pieces are done at a time: guests that have to share a processor with too
//! many others run into time limits, their own and those of what they run.

use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::thread;

use anyhow::{anyhow, Result};

/// A piece of work.
pub type Work<'a, T> = Box<dyn FnOnce() -> Result<T> + Send + 'a>;

/// Does all of it, begun in this order, no more than `lanes` of it at a time; the results, in no
/// order. Of errors, the first one; no other piece is begun in its lane.
pub fn run<T: Send>(work: Vec<Work<'_, T>>, lanes: NonZeroUsize) -> Result<Vec<T>> {
    let queue = Mutex::new(work.into_iter());
    let lane = || -> Result<Vec<T>> {
        let mut results = Vec::new();
        loop {
            let next = queue
                .lock()
                .map_err(|_| anyhow!("another lane died"))?
                .next();
            match next {
                Some(piece) => results.push(piece()?),
                None => return Ok(results),
            }
        }
    };
    thread::scope(|scope| {
        let lanes: Vec<_> = (0..lanes.get()).map(|_| scope.spawn(lane)).collect();
        let mut all = Vec::new();
        let mut failure = Ok(());
        for lane in lanes {
            match lane.join() {
                Ok(Ok(results)) => all.extend(results),
                Ok(Err(error)) => failure = failure.and(Err(error)),
                Err(_) => failure = failure.and(Err(anyhow!("a thread died"))),
            }
        }
        failure.map(|()| all)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    use std::time::Duration;

    fn lanes(number: usize) -> NonZeroUsize {
        NonZeroUsize::new(number).unwrap()
    }

    // Catches: more at a time than allowed, fewer than possible, or pieces left undone.
    #[test]
    fn as_many_as_there_are_lanes() {
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let piece = |number: usize| -> Work<'_, usize> {
            let (now, most) = (&now, &most);
            Box::new(move || {
                most.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
                thread::sleep(Duration::from_millis(50));
                now.fetch_sub(1, SeqCst);
                Ok(number)
            })
        };
        let mut done = run((0..7).map(piece).collect(), lanes(3)).unwrap();
        done.sort_unstable();
        assert_eq!(done, (0..7).collect::<Vec<_>>());
        assert_eq!(most.load(SeqCst), 3);
    }

    // Catches: pieces begun in another order than they were given.
    #[test]
    fn in_order() {
        let begun = Mutex::new(Vec::new());
        let piece = |number: usize| -> Work<'_, ()> {
            let begun = &begun;
            Box::new(move || {
                begun.lock().unwrap().push(number);
                Ok(())
            })
        };
        run((0..5).map(piece).collect(), lanes(1)).unwrap();
        assert_eq!(begun.into_inner().unwrap(), [0, 1, 2, 3, 4]);
    }

    // Catches: an error that is lost, or that takes other lanes with it.
    #[test]
    fn errors_are_told() {
        let done = AtomicUsize::new(0);
        let good = || -> Work<'_, ()> {
            let done = &done;
            Box::new(move || {
                thread::sleep(Duration::from_millis(20));
                done.fetch_add(1, SeqCst);
                Ok(())
            })
        };
        let bad: Work<'_, ()> = Box::new(|| Err(anyhow!("bad")));
        let error = run(vec![bad, good(), good()], lanes(2)).unwrap_err();
        assert_eq!(error.to_string(), "bad");
        assert_eq!(done.load(SeqCst), 2);
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Names of users and groups, as `/etc/passwd` and `/etc/group` have them. Directory services are not
//! asked: a number is shown then.

use std::collections::HashMap;
use std::fs;

/// Names by their numbers.
pub struct Names(HashMap<u32, String>);

impl Names {
    /// All users.
    pub fn users() -> Self {
        Self::parse(&fs::read_to_string("/etc/passwd").unwrap_or_default())
    }

    /// All groups.
    pub fn groups() -> Self {
        Self::parse(&fs::read_to_string("/etc/group").unwrap_or_default())
    }

    fn parse(text: &str) -> Self {
        let entry = |line: &str| {
            let mut fields = line.split(':');
            let name = fields.next()?.to_owned();
            Some((fields.nth(1)?.parse().ok()?, name))
        };
        let mut names = HashMap::new();
        // The first of those that have the same number.
        for (id, name) in text.lines().filter_map(entry) {
            names.entry(id).or_insert(name);
        }
        Self(names)
    }

    /// The name, or else the number.
    pub fn name(&self, id: u32) -> String {
        self.0.get(&id).cloned().unwrap_or_else(|| id.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Catches: a password or a home that is taken for the number.
    #[test]
    fn names_are_found() {
        let names =
            Names::parse("root:x:0:0:root:/root:/bin/sh\n\nbad\ntoor:x:0:0::/:\nu:x:1000:7::/:\n");
        assert_eq!(names.name(0), "root");
        assert_eq!(names.name(1000), "u");
        assert_eq!(names.name(7), "7");
    }
}

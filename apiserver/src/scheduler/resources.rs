//! Amounts of what nodes have and pods request, as numbers that are compared a million times a minute.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Text;

use crate::schema::Quantity;

/// An amount of each resource. What is not named is 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resources {
    /// Thousandths of a processor.
    pub milli_cpu: i64,
    /// Bytes.
    pub memory: i64,
    /// Bytes.
    pub ephemeral_storage: i64,
    /// All else by its name: `hugepages-2Mi` in bytes, `example.com/gpu` in pieces.
    pub others: BTreeMap<String, i64>,
}

impl Resources {
    /// Reads them as Nodes and Pods write them, rounded up. What is no quantity counts as 0: an API server lets none in.
    pub fn read(list: &BTreeMap<String, Text>) -> Self {
        let mut resources = Self::default();
        for (name, Text(text)) in list {
            let exponent = if name == "cpu" { -3 } else { 0 };
            let amount = text.parse::<Quantity>().map(|quantity| quantity.scaled(exponent)).unwrap_or_default();
            match name.as_str() {
                "cpu" => resources.milli_cpu = amount,
                "memory" => resources.memory = amount,
                "ephemeral-storage" => resources.ephemeral_storage = amount,
                // How many pods a node takes is not something that pods request.
                "pods" => {}
                _ => drop(resources.others.insert(name.clone(), amount)),
            }
        }
        resources
    }

    /// The amount of a resource, `cpu` in thousandths.
    pub fn get(&self, name: &str) -> i64 {
        match name {
            "cpu" => self.milli_cpu,
            "memory" => self.memory,
            "ephemeral-storage" => self.ephemeral_storage,
            _ => self.others.get(name).copied().unwrap_or_default(),
        }
    }

    /// All of them by name, `cpu` in thousandths.
    pub fn iter(&self) -> impl Iterator<Item = (&str, i64)> {
        let known = [("cpu", self.milli_cpu), ("memory", self.memory), ("ephemeral-storage", self.ephemeral_storage)];
        known.into_iter().chain(self.others.iter().map(|(name, amount)| (name.as_str(), *amount)))
    }

    /// Adds to each the other's amount.
    pub fn add(&mut self, other: &Self) {
        self.combine(other, i64::saturating_add);
    }

    /// Takes from each the other's amount.
    pub fn subtract(&mut self, other: &Self) {
        self.combine(other, i64::saturating_sub);
    }

    /// Raises each to the other's amount, where that is larger.
    pub fn raise_to(&mut self, other: &Self) {
        self.combine(other, i64::max);
    }

    fn combine(&mut self, other: &Self, with: fn(i64, i64) -> i64) {
        self.milli_cpu = with(self.milli_cpu, other.milli_cpu);
        self.memory = with(self.memory, other.memory);
        self.ephemeral_storage = with(self.ephemeral_storage, other.ephemeral_storage);
        for (name, amount) in &other.others {
            match self.others.get_mut(name) {
                Some(there) => *there = with(*there, *amount),
                None => drop(self.others.insert(name.clone(), with(0, *amount))),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(list: &[(&str, &str)]) -> Resources {
        Resources::read(&list.iter().map(|(name, text)| ((*name).into(), Text((*text).into()))).collect())
    }

    #[test]
    fn amounts_are_read_in_the_unit_of_their_resource() {
        #[track_caller]
        fn check(name: &str, text: &str, expected: i64) {
            assert_eq!(read(&[(name, text)]).get(name), expected, "{name}: {text}");
        }
        check("cpu", "2", 2000);
        check("cpu", "250m", 250);
        check("cpu", "0.1", 100);
        check("cpu", "1u", 1);
        check("memory", "1Ki", 1024);
        check("memory", "100m", 1);
        check("ephemeral-storage", "1G", 1_000_000_000);
        check("example.com/gpu", "4", 4);
        check("memory", "much", 0);
        check("pods", "110", 0);
    }

    #[test]
    fn they_are_added_and_taken_away_name_by_name() {
        let mut sum = read(&[("cpu", "1"), ("example.com/gpu", "1")]);
        sum.add(&read(&[("cpu", "500m"), ("memory", "1Ki"), ("example.com/tpu", "2")]));
        let names: Vec<_> = sum.iter().filter(|(_, amount)| *amount != 0).collect();
        assert_eq!(names, [("cpu", 1500), ("memory", 1024), ("example.com/gpu", 1), ("example.com/tpu", 2)]);
        sum.subtract(&read(&[("cpu", "500m"), ("example.com/gpu", "1")]));
        assert_eq!((sum.milli_cpu, sum.get("example.com/gpu")), (1000, 0));
        sum.raise_to(&read(&[("cpu", "300m"), ("memory", "1Mi")]));
        assert_eq!((sum.milli_cpu, sum.memory), (1000, 1 << 20));
    }
}

//! The order of a service's targets (RFC 2782, "Usage rules").

use super::dns::SrvRecord;

/// Numbers for the selection by weight, from a seed. Nobody gains by guessing them, and the same
/// seed gives the same order, in whatever order the answers come.
#[derive(Debug, Clone)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number from 0 to `most`, both included (SplitMix64, by multiplication).
    pub(super) fn roll(&mut self, most: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        let sides = u128::from(most) + 1;
        u32::try_from((u128::from(z) * sides) >> 64).unwrap_or(most)
    }
}

/// The records by priority, and within a priority by weight, at most `most` of them.
///
/// `roll` gives a uniform number from 0 to its argument, both included.
pub(super) fn order(
    mut records: Vec<SrvRecord>,
    most: usize,
    roll: &mut dyn FnMut(u32) -> u32,
) -> Vec<SrvRecord> {
    // Weight 0 comes first within its priority, so that a roll of 0 finds one.
    records.sort_by_key(|record| (record.priority, record.weight > 0));
    let mut ordered = Vec::new();
    while let (true, Some(first)) = (ordered.len() < most, records.first()) {
        let priority = first.priority;
        let level = || {
            records
                .iter()
                .take_while(move |record| record.priority == priority)
        };
        let sum = level().fold(0_u32, |sum, r| sum.saturating_add(r.weight.into()));
        let rolled = roll(sum).min(sum);
        let mut running = 0_u32;
        let chosen = level().position(|record| {
            running = running.saturating_add(record.weight.into());
            running >= rolled
        });
        ordered.push(records.remove(chosen.unwrap_or(0)));
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discovery::dns::SrvTarget;

    fn record(priority: u16, weight: u16, target: &str) -> SrvRecord {
        SrvRecord::new(priority, weight, 993, target)
    }

    fn names(records: &[SrvRecord]) -> Vec<String> {
        records
            .iter()
            .map(|record| match &record.target {
                SrvTarget::Host(name) => name.to_string(),
                SrvTarget::NotAvailable | SrvTarget::Invalid(_) => "none".into(),
            })
            .collect()
    }

    /// RFC 2782: the first whose running sum is greater than or equal to the number.
    #[test]
    fn the_running_sum() {
        let records = vec![
            record(1, 0, "backup.x"),
            record(0, 1, "slow.x"),
            record(0, 3, "fast.x"),
            record(0, 0, "idle.x"),
        ];
        // Running sums: idle 0, slow 1, fast 4.
        for (rolled, first) in [
            (0, "idle.x"),
            (1, "slow.x"),
            (2, "fast.x"),
            (4, "fast.x"),
            (99, "fast.x"), // out of range
        ] {
            let ordered = names(&order(records.clone(), 9, &mut |_| rolled));
            assert_eq!(ordered[0], first);
            assert_eq!(ordered.last().unwrap(), "backup.x");
            assert_eq!(ordered.len(), 4);
        }
        assert_eq!(order(records, 2, &mut |_| 0).len(), 2);
    }

    #[test]
    fn the_numbers_asked_for_are_the_sums() {
        let records = vec![
            record(0, 2, "a.x"),
            record(0, 5, "b.x"),
            record(7, 9, "c.x"),
        ];
        let mut asked = Vec::new();
        order(records, 9, &mut |most| {
            asked.push(most);
            0
        });
        assert_eq!(asked, [7, 5, 9]);
    }

    /// Weights 1, 3 and 0: the weights' shares, and seldom the one without weight (RFC 2782:
    /// "a very small chance"). 0 to the sum inclusive gives it 1 in 5.
    #[test]
    fn the_distribution() {
        let records = vec![
            record(0, 100, "a.x"),
            record(0, 300, "b.x"),
            record(0, 0, "zero.x"),
        ];
        let mut firsts = [0_u32; 3];
        for seed in 0..20_000 {
            let mut dice = Dice::new(seed);
            let ordered = names(&order(records.clone(), 9, &mut |most| dice.roll(most)));
            let at = ["a.x", "b.x", "zero.x"]
                .iter()
                .position(|n| *n == ordered[0]);
            firsts[at.unwrap()] += 1;
        }
        let [a, b, zero] = firsts;
        assert!((4_700..5_300).contains(&a), "{firsts:?}");
        assert!((14_700..15_300).contains(&b), "{firsts:?}");
        assert!((1..200).contains(&zero), "{firsts:?}");
    }

    #[test]
    fn dice_stay_in_range_and_reach_its_ends() {
        let mut dice = Dice::new(7);
        let rolls: Vec<u32> = (0..1000).map(|_| dice.roll(3)).collect();
        assert!((0..=3).all(|n| rolls.contains(&n)) && rolls.iter().all(|n| *n <= 3));
        assert_eq!(dice.roll(0), 0);
        dice.roll(u32::MAX);
    }
}

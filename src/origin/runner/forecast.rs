//! How many opening handshakes a run will make. Pure.

use super::RunConfig;
use crate::origin::catalogue::Group;
use crate::origin::secret::Secret;

/// The numbers of a run in which the server neither asks for time nor fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Forecast {
    /// At least so many; a quick run ends earlier.
    pub(crate) least: usize,
    /// At most so many where every answer counts at once: it is let in, or
    /// refused by an HTTP status, with several connections side by side.
    pub(crate) usual: usize,
    /// At most so many where refusals must be seen twice, or beside the allowed
    /// origin, or one connection at a time is taken.
    pub(crate) most: usize,
}

/// A few more: of a trial for each way of refusing, and of baselines again.
const SPARE: usize = 16;

impl RunConfig {
    /// Counts what the plan will take.
    pub(crate) fn forecast(&self) -> Forecast {
        let sent = || self.plan.probes.iter().filter(|p| p.same_as.is_none());
        let probes = sent().count();
        let alone = sent().filter(|probe| probe.is_delicate()).count();
        let baselines = self.allowed.requests().len();
        let beside = self.concurrency.max(1);
        let anonymous = usize::from(self.anonymous.is_some());
        let wrong = self.secrets.iter().any(Secret::is_of_pages);
        let attempts = anonymous + usize::from(!self.secrets.is_empty()) + usize::from(wrong);
        let of_pages = sent().filter(|probe| probe.group != Group::ClientOnly);
        let again = attempts * of_pages.count();
        let begin = baselines + beside + anonymous;
        let waves = probes.div_ceil(beside) + again.div_ceil(beside) + 2 * alone + 2;
        let quick = usize::from(self.quick);
        let least = if self.quick {
            baselines + probes.min(1)
        } else {
            begin + probes + probes.min(1)
        };
        Forecast {
            least,
            usual: begin + quick + probes + again + waves,
            most: begin + quick + 4 * (probes + again) + SPARE,
        }
    }
}

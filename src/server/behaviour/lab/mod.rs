//! The fault lab: connections that misbehave in one known way each, for the tests
//! of clients.
//!
//! [`Lab`] carries out a [`SessionPlan`] over frames that it writes itself, since a
//! peer that keeps the rules cannot be made to break them: `session` decides what is
//! sent and when, `wire` reads and writes frames, `ending` knows all ways to end.
//! What can be asked for is data, in `faults`.

mod ending;
mod session;
mod wire;

use self::session::Session;
use super::{Behaviour, Upgraded};
use crate::server::context::{ConnectionId, Context, Outcome, Stop, Traffic};
use crate::server::faults::SessionPlan;

/// Does what a plan says.
pub(crate) struct Lab {
    pub(crate) connection: ConnectionId,
    pub(crate) plan: SessionPlan,
    /// What the request looked like, for the plans that send it.
    pub(crate) request_json: Option<String>,
}

impl Behaviour for Lab {
    type Connection = Upgraded;

    async fn run(self, upgraded: Upgraded, context: &Context, stop: &Stop) -> (Outcome, Traffic) {
        let number = self.connection.id;
        let session = Session::new(context, number, self.plan, self.request_json);
        session.run(upgraded, stop).await
    }
}

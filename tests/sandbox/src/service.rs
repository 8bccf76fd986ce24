//! The services of a world.

/// The service that a call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    SecretsManager,
    Datadog,
    /// The topic of promotions.
    Sns,
    /// What the doctor asks of functions.
    Lambda,
    /// The presigned URLs of custom resources.
    CloudFormation,
}

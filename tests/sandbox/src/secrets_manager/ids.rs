use std::iter::repeat_with;

/// The random parts of ARNs and tokens, from a fixed seed: two equal stories get equal ids.
#[derive(Clone, Debug)]
pub(super) struct Ids(fastrand::Rng);

impl Ids {
    pub(super) fn new() -> Self {
        Self(fastrand::Rng::with_seed(0x5ec2_e750))
    }

    pub(super) fn uuid(&mut self) -> String {
        uuid::Builder::from_random_bytes(self.0.u128(..).to_be_bytes())
            .into_uuid()
            .to_string()
    }

    /// The six characters that the service hangs on a secret's name to make its ARN.
    pub(super) fn arn_suffix(&mut self) -> String {
        repeat_with(|| self.0.alphanumeric()).take(6).collect()
    }

    pub(super) fn index(&mut self, len: usize) -> usize {
        self.0.usize(..len)
    }

    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        self.0.shuffle(items);
    }
}

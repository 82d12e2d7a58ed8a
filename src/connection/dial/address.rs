//! Addressing in curl's terms: which addresses a name stands for, and from
//! where to connect.

/// Which addresses a name stands for, and from where to connect.
#[derive(Debug, Clone, Default)]
pub struct AddressConfig {}

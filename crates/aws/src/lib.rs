//! Every AWS API call that adit makes.

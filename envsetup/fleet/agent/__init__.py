"""What travels to a host that has no envsetup: a shell header, a launcher, and the doctor's entry."""

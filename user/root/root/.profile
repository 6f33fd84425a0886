# Yours: read after /etc/profile.  What you change here is gone with the
# session; OVERLAY=dir with dir/root/.profile stays.

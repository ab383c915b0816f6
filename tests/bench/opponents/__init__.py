"""What ztui is measured against: short programs, written the way their users would write them."""

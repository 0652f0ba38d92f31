module duetbench

go 1.18

module parlance

go 1.26

schema = 'isbi2015'
num_landmarks = 19

schema = 'cephalogram23'
num_landmarks = 23

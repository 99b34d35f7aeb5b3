{ tenth: 0.1, third: 1 / 3, small: 1e-7, large: 1e21, whole: 3.0, text: 'é\u007f' }

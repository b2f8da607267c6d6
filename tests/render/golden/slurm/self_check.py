print('checked')
